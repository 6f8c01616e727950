/**
 * A mailbox that a restore writes to, with a script of what goes wrong.
 *
 * Strict: a container must exist, a mark must be text, and what the service does late or twice is
 * said by the script, never by chance. Items carry what a verdict needs: mark and content.
 */
import { createHash } from 'node:crypto'
import { AppError, invariant } from '../../model/errors.ts'
import type { Marker } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
import type { Clock } from '../../ports.ts'
import { compareMarkers } from '../../workloads/mail/markers.ts'
import type {
  CheckOutcome,
  ContainerRemoval,
  CreateOutcome,
  HeldVersion,
  PresentItem,
  RestorableWorkload,
  RestorePace,
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

/** What becomes of one removal. `applied-down`: it is removed. */
export type RemoveScript = 'ok' | 'applied-down' | 'down' | 'throttled' | 'denied'

export interface TargetMail {
  id: GraphId
  container: GraphId
  identity: string
  /** Its content; missing: that of a fresh mail of its identity. */
  text?: string
  /** Its flags. */
  flags?: string
  /** Counts the changes that the service made of it. */
  revision?: number
  /** Its marker does not show all of its content. */
  attached?: boolean
  /** Empty for what was there before. */
  mark: string
  /** Ms since 1970 from which a search shows it. */
  visibleAt: number
}

export const TEST_PACE: RestorePace = {
  requestsPerItem: 2,
  requestsPerMinute: 240,
  uploadBytesPerMinute: 30_000_000,
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
  /** Taken one for each removal of an item, in order; then `ok`. */
  readonly removals: RemoveScript[]
  /** What was removed, items and folders, in order. */
  readonly removed: GraphId[]
  /** Items that were read by themselves. */
  readonly read: GraphId[]
  /** Every create that the service saw, whatever became of it: mark and time. */
  readonly sent: { mark: string; at: number }[]
  check: (id: GraphId) => CheckOutcome
  /** Runs inside each create after it took effect: a test lets time pass or a process die. */
  onCreate: () => Promise<void>
  /** Runs inside each removal of an item, before it takes effect. */
  onRemove: () => Promise<void>
}

/** Folder of what somebody threw away. */
export const BIN = 'bin' as GraphId

/** What a test mail is about: its identity (`internetMessageId`) and its content. */
export function readMail(representations: HeldVersion['representations']): {
  identity: string
  text: string
} {
  const json = representations.get('json')
  const parsed: unknown = JSON.parse(Buffer.from(json ?? []).toString('utf8'))
  const has = (name: string): string => {
    if (typeof parsed !== 'object' || parsed === null) return ''
    const value: unknown = Reflect.get(parsed, name)
    return typeof value === 'string' ? value : ''
  }
  return { identity: has('internetMessageId'), text: has('text') }
}

/** The content of a mail that nobody changed. */
export const textOf = (identity: string): string => `Text of ${identity}.`

/** As the backup and the target both compute it from the same mail. */
export const contentOf = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 20)

export function markerOf(mail: TargetMail): Marker {
  return {
    content: contentOf(mail.text ?? textOf(mail.identity)),
    decoration: `${mail.flags ?? ''} in ${mail.container}`,
    change: changeOf(mail),
    at: new Date(Date.UTC(2026, 0, 1, 0, 0, mail.revision ?? 0)).toISOString(),
  }
}

const changeOf = ({ id, revision = 0 }: TargetMail): string => `${id} ${revision}`

/** Somebody changes a mail: the service gives it a new change key. */
export function change(mail: TargetMail | undefined, to: Partial<TargetMail>): void {
  invariant(mail !== undefined, 'the mail is there')
  Object.assign(mail, to, { revision: (mail.revision ?? 0) + 1 })
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
    removals: [],
    removed: [],
    read: [],
    failures: new Map(),
    delaysMs: [],
    sent: [],
    check: () => ({ outcome: 'verified' }),
    onCreate: () => Promise.resolve(),
    onRemove: () => Promise.resolve(),
    compare: compareMarkers,
    conflicts: { policies: ['skip', 'copy'] },
    pace: TEST_PACE,
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
      for (const mail of visible(container)) {
        yield { id: mail.id, identity: mail.identity, change: changeOf(mail) }
      }
    },
    identity: ({ representations }) => readMail(representations).identity,
    async create(version, { container, mark }, signal) {
      await enter('create', signal)
      return createMail(mailbox, clock, { version, container, mark })
    },
    async find({ container, mark }, signal) {
      await enter('find', signal)
      return visible(container).flatMap((m) => (m.mark === mark ? [m.id] : []))
    },
    async remove(id, signal) {
      await enter('remove', signal)
      await mailbox.onRemove()
      removeMail(mailbox, id)
    },
    async place(id, { container }, signal) {
      await enter('place', signal)
      const mail = mailbox.mails.find((m) => m.id === id)
      const isThere = mailbox.folders.some((f) => f.id === container)
      if (!mail || !isThere) throw trouble('ItemGone', 'permanent')
      mail.container = container
    },
    async check(id, _version, _spot, signal) {
      await enter('check', signal)
      const mail = mailbox.mails.find((m) => m.id === id && m.visibleAt <= clock.now())
      if (!mail) return { outcome: 'could-not-check', code: 'ItemGone' }
      const outcome = mailbox.check(id)
      if (outcome.outcome === 'could-not-check') return outcome
      return { ...outcome, seen: { container: mail.container, marker: markerOf(mail) } }
    },
    async present(id, signal) {
      await enter('present', signal)
      mailbox.read.push(id)
      return presentIn(mailbox, id)
    },
    async matches(id, { representations }, signal) {
      await enter('matches', signal)
      const mail = mailbox.mails.find((m) => m.id === id)
      if (!mail) return 'gone'
      const { text } = readMail(representations)
      return (mail.text ?? textOf(mail.identity)) === text ? 'same' : 'other'
    },
    async removeEmptyContainer(id, signal) {
      await enter('removeEmptyContainer', signal)
      return removeFolder(mailbox, id)
    },
  }
}

function presentIn(mailbox: ScriptedMailbox, id: GraphId): PresentItem | undefined {
  const mail = mailbox.mails.find((m) => m.id === id)
  if (!mail) return undefined
  const { container } = mail
  const marker = markerOf(mail)
  return { container, marker, discarded: container === BIN, shownWhole: mail.attached !== true }
}

function removeMail(mailbox: ScriptedMailbox, id: GraphId): void {
  const script = mailbox.removals.shift() ?? 'ok'
  if (script === 'throttled') throw trouble('Throttled', 'throttled', 5_000)
  if (script === 'down') throw trouble('GraphUnavailable', 'transient')
  if (script === 'denied') throw trouble('AccessDenied', 'denied')
  const at = mailbox.mails.findIndex((m) => m.id === id)
  if (at >= 0) {
    mailbox.mails.splice(at, 1)
    mailbox.removed.push(id)
  }
  if (script === 'applied-down') throw trouble('GraphUnavailable', 'transient')
}

function removeFolder(mailbox: ScriptedMailbox, id: GraphId): ContainerRemoval {
  const at = mailbox.folders.findIndex((f) => f.id === id)
  if (at < 0) return 'gone'
  const full =
    mailbox.mails.some((m) => m.container === id) || mailbox.folders.some((f) => f.parent === id)
  if (full) return 'not-empty'
  mailbox.folders.splice(at, 1)
  mailbox.removed.push(id)
  return 'removed'
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
    const made = readMail(version.representations)
    mailbox.mails.push({ id, container, ...made, mark, visibleAt })
  }
  await mailbox.onCreate()
  if (script === 'ok') return { outcome: 'created', id, requests: 1 }
  const code = script.endsWith('down') ? 'GraphUnavailable' : 'AnswerLost'
  throw trouble(code, 'transient')
}
