/**
 * A mailbox that a restore writes to, with a script of what goes wrong.
 *
 * Strict: a container must exist, a mark must be text, and what the service does late or twice is
 * said by the script, never by chance. Items carry what a verdict needs: mark and content.
 */
import { createHash } from 'node:crypto'
import { AppError } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { Clock } from '../../ports.ts'
import type {
  CheckOutcome,
  CreateOutcome,
  HeldVersion,
  RestorableWorkload,
  StreamWriter,
  TargetContainer,
} from '../../workloads/workload.ts'

/** What becomes of one create. `applied-*`: the item is made. */
export const CREATE_SCRIPTS = [
  'ok',
  'applied-lost',
  'lost',
  'throttled',
  'down',
  'applied-down',
  'refused',
] as const
export type CreateScript = (typeof CREATE_SCRIPTS)[number]

export interface TargetMail {
  id: GraphId
  container: GraphId
  identity: string
  /** Empty for what was there before. */
  mark: string
  /** Ms since 1970 from which a search shows it. */
  visibleAt: number
}

export interface ScriptedMailbox extends RestorableWorkload {
  readonly mails: TargetMail[]
  readonly folders: TargetContainer[]
  /** Taken one for each create, in order; then `ok`. */
  readonly creates: CreateScript[]
  /** Thrown by the next calls of these methods, one each. */
  readonly failures: Map<keyof StreamWriter, AppError[]>
  /** How long a new item stays invisible, one for each create; then 0. */
  readonly delaysMs: number[]
  /** Every create that the service saw, whatever became of it: mark and time. */
  readonly sent: { mark: string; at: number }[]
  check: (id: GraphId) => CheckOutcome
  /** Runs inside each create after it took effect: a test lets time pass or a process die. */
  onCreate: () => Promise<void>
}

/** The identity of a version or of an item: its `internetMessageId`. */
export function identityIn(representations: HeldVersion['representations']): string {
  const json = representations.get('json')
  const parsed: unknown = JSON.parse(Buffer.from(json ?? []).toString('utf8'))
  if (typeof parsed !== 'object' || parsed === null) return ''
  return 'internetMessageId' in parsed ? String(parsed.internetMessageId) : ''
}

export const newId = (text: string): GraphId =>
  `T${createHash('sha256').update(text).digest('hex').slice(0, 12)}` as GraphId

export function trouble(code: string, kind: AppError['kind'], retryAfterMs?: number): AppError {
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  return new AppError({ code, kind, message: `Scripted: ${code}.`, ...wait })
}

export function scriptedMailbox(
  clock: Clock,
  folders: readonly TargetContainer[] = [],
): ScriptedMailbox {
  const mailbox: ScriptedMailbox = {
    name: 'mail',
    mails: [],
    folders: [...folders],
    creates: [],
    failures: new Map(),
    delaysMs: [],
    sent: [],
    check: () => ({ outcome: 'verified' }),
    onCreate: () => Promise.resolve(),
    writer: () => writerOf(mailbox, clock),
  }
  return mailbox
}

function writerOf(mailbox: ScriptedMailbox, clock: Clock): StreamWriter {
  let requests = 0
  const enter = async (method: keyof StreamWriter, signal: AbortSignal): Promise<void> => {
    requests += 1
    await Promise.resolve()
    signal.throwIfAborted()
    const failure = mailbox.failures.get(method)?.shift()
    if (failure) throw failure
  }
  const visible = (container: GraphId) =>
    mailbox.mails.filter((m) => m.container === container && m.visibleAt <= clock.now())
  return {
    concurrency: 2,
    requests: () => requests,
    async containers(signal) {
      await enter('containers', signal)
      return structuredClone(mailbox.folders)
    },
    async createContainer(name, parent, signal) {
      await enter('createContainer', signal)
      return createFolder(mailbox, name, parent)
    },
    async *existing(container, signal) {
      await enter('existing', signal)
      for (const { id, identity } of visible(container)) yield { id, identity }
    },
    identity: ({ representations }) => identityIn(representations),
    async create(version, container, mark, signal) {
      await enter('create', signal)
      return createMail(mailbox, clock, { version, container, mark })
    },
    async find(container, mark, signal) {
      await enter('find', signal)
      return visible(container).flatMap((m) => (m.mark === mark ? [m.id] : []))
    },
    async remove(id, signal) {
      await enter('remove', signal)
      const at = mailbox.mails.findIndex((m) => m.id === id)
      if (at >= 0) mailbox.mails.splice(at, 1)
    },
    async check(id, _version, signal) {
      await enter('check', signal)
      const there = mailbox.mails.some((m) => m.id === id && m.visibleAt <= clock.now())
      return there ? mailbox.check(id) : { outcome: 'could-not-check', code: 'ItemGone' }
    },
  }
}

function createFolder(
  mailbox: ScriptedMailbox,
  name: string,
  parent: GraphId | undefined,
): GraphId {
  const there = mailbox.folders.find(
    (f) => f.parent === parent && f.name.toLowerCase() === name.toLowerCase(),
  )
  if (there) return there.id
  if (parent !== undefined && !mailbox.folders.some((f) => f.id === parent)) {
    throw trouble('ItemGone', 'permanent')
  }
  const id = newId(`${parent} ${name}`)
  mailbox.folders.push({ id, name, ...(parent === undefined ? {} : { parent }) })
  return id
}

async function createMail(
  mailbox: ScriptedMailbox,
  clock: Clock,
  mail: { version: HeldVersion; container: GraphId; mark: string },
): Promise<CreateOutcome> {
  const { version, container, mark } = mail
  const script = mailbox.creates.shift() ?? 'ok'
  if (!mailbox.folders.some((f) => f.id === container)) throw trouble('ItemGone', 'permanent')
  mailbox.sent.push({ mark, at: clock.now() })
  if (script === 'throttled') throw trouble('Throttled', 'throttled', 5_000)
  if (script === 'refused') {
    return { outcome: 'refused', code: 'needs-exact-lane', message: 'Too large for one request.' }
  }
  const id = newId(`${mark} ${mailbox.sent.length}`)
  if (script !== 'lost' && script !== 'down') {
    const visibleAt = clock.now() + (mailbox.delaysMs.shift() ?? 0)
    const identity = identityIn(version.representations)
    mailbox.mails.push({ id, container, identity, mark, visibleAt })
  }
  await mailbox.onCreate()
  if (script === 'ok') return { outcome: 'created', id, requests: 1 }
  const code = script.endsWith('down') ? 'GraphUnavailable' : 'AnswerLost'
  throw trouble(code, 'transient')
}
