/**
 * `npm run demo`: the whole story without a person. A tenant is backed up, things happen in it,
 * an incremental backup follows, people ask for what they lost, and a verdict compares the
 * tenant's own state before and after.
 *
 * Exit code 0 only if no restore failed, every difference is one that docs/fidelity.md lists, and
 * every refusal has a type. It works in a temporary folder and removes it, unless --dir names one.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import pc from 'picocolors'
import type { MailboxSnapshot } from '../tenant/index.ts'
import { judge, type MailboxCase, parseFidelity } from '../verdict/index.ts'
import {
  type ApiClient,
  createApiClient,
  type Resource,
  type RestoreRequest,
} from './api-client.ts'
import { type BackupResult, backUp } from './backup.ts'
import { openDataDir } from './data-dir.ts'
import { containersByPath, itemsOf } from './directory.ts'
import { type ImportProof, proveImport } from './import-proof.ts'
import { live } from './lifetime.ts'
import { protectedHoldings, snapshots } from './mailboxes.ts'
import { readOptions, wholeNumber } from './options.ts'
import { plural } from './progress.ts'
import { type Report, reportOf, reportText } from './report.ts'
import { type RestoreResult, restore } from './restore.ts'
import { type Stack, startStack } from './stack.ts'
import { type Story, tellStory, type Wish } from './story.ts'
import { EXIT_CODES, Trouble } from './trouble.ts'

const USAGE = `usage: npm run demo -- [--import DIR] [--json] [--dir DIR] [--users N] [--messages N]
  --import DIR    use the .eml files of DIR (or of DIR/emails) instead of generated mail
  --json          print the report as one JSON document on the last line
  --dir DIR       work in DIR and keep it
  --users N       generated mailboxes (3 to 50, default 5)
  --messages N    generated messages in each (20 to 5000, default 60)`

/** Waits that are made for a service far away; here they would only be waited out. */
const SETTINGS = {
  HOLDFAST_WAVE_PAUSE_SECONDS: '1',
  HOLDFAST_DELETION_LAG_MINUTES: '0',
  HOLDFAST_RESTORE_LAG_SECONDS: '2',
}
const SEED = 20_260_301
const FIDELITY = new URL('../../docs/fidelity.md', import.meta.url)

interface DemoOptions {
  importDir: string | undefined
  json: boolean
  dir: string | undefined
  users: number
  messages: number
}

function readDemoOptions(): DemoOptions {
  const given = readOptions(USAGE, {
    ...{ import: 'text', json: 'flag', dir: 'text', users: 'text', messages: 'text' },
  })
  const number = (name: 'users' | 'messages', least: number, most: number, otherwise: number) =>
    wholeNumber(given[name], { name: `--${name}`, least, most, otherwise, usage: USAGE })
  return {
    importDir: given.import === undefined ? undefined : resolve(given.import),
    json: given.json,
    dir: given.dir,
    users: number('users', 3, 50, 5),
    messages: number('messages', 20, 5000, 60),
  }
}

async function demo(signal: AbortSignal): Promise<number> {
  const options = readDemoOptions()
  // The document goes to standard output alone, so that a pipe needs no filter.
  const out = options.json ? process.stderr : process.stdout
  const path = options.dir ?? (await mkdtemp(join(tmpdir(), 'holdfast-demo-')))
  const dir = openDataDir(path, { fresh: true })
  let stack: Stack | undefined
  try {
    const { importDir, users, messages } = options
    const tenant =
      importDir === undefined ? { seed: { seed: SEED, users, messages } } : { importDir }
    stack = await startStack({
      ...{ dir, settings: SETTINGS, ...tenant },
      log: (text) => out.write(`${pc.dim(text)}\n`),
    })
    const report = await new Demo(stack, { out, signal }).play()
    out.write(`\n${reportText(report)}\n`)
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`)
    return report.ok ? EXIT_CODES.ok : EXIT_CODES.failed
  } finally {
    await stack?.stop()
    dir.release(true)
    if (options.dir === undefined) await rm(path, { recursive: true, force: true })
  }
}

/** A recovery point of one mailbox. */
interface KnownPoint {
  resource: Resource
  at: string
  seq: number
}

type Snapshots = ReadonlyMap<string, MailboxSnapshot>

class Demo {
  readonly #stack: Stack
  readonly #api: ApiClient
  readonly #out: NodeJS.WriteStream
  readonly #signal: AbortSignal

  constructor(stack: Stack, options: { out: NodeJS.WriteStream; signal: AbortSignal }) {
    const { apiUrl, control } = stack
    const { signal } = options
    this.#stack = stack
    this.#out = options.out
    this.#signal = signal
    this.#api = createApiClient({ apiUrl, control, signal, roles: ['Admin', 'Operator', 'Reader'] })
  }

  async play(): Promise<Report> {
    const { control } = this.#stack
    const fidelity = parseFidelity(await readFile(FIDELITY, 'utf8'))
    await this.#api.setup()
    const holdings = await protectedHoldings(control)
    const first = await this.#backUp('first backup', holdings.messages + holdings.folders)
    const before = await snapshots(control)
    const points = await this.#points()
    const proof = await this.#proof(before)
    const story = await this.#story(before)
    const incremental = await this.#backUp('incremental', undefined)
    const damaged = await snapshots(control)
    const restores = await this.#fulfil(story.wishes, { points, before })
    const after = await snapshots(control)
    const notStored = new Set(proof?.ledgerIds)
    const cases = casesOf({ before, damaged, after, wishes: story.wishes, restores, notStored })
    return reportOf({
      ...{ first, incremental, restores: [...restores.values()].flat(), fidelity },
      ...{ verdict: judge(cases, fidelity), events: story.events },
      wishes: story.wishes.map(({ text, user }) => `${text} of ${user}`),
      proof: proof && { ...proof, refusedFiles: this.#stack.imported?.refused ?? [] },
    })
  }

  #say(text: string): void {
    this.#out.write(`${text}\n`)
  }

  #backUp(title: string, total: number | undefined): Promise<BackupResult> {
    const { control } = this.#stack
    return backUp({
      ...{ api: this.#api, control, title, total, out: this.#out, signal: this.#signal },
    })
  }

  /** The newest complete recovery point of every protected mailbox, by address. */
  async #points(): Promise<Map<string, KnownPoint>> {
    const points = new Map<string, KnownPoint>()
    for (const resource of await this.#api.resources()) {
      if (resource.state !== 'protected') continue
      const point = await this.#api.newestPoint(resource.id)
      if (point === undefined) {
        throw new Trouble(`${resource.address} has no complete recovery point.`, {
          hint: 'The run said that it was done; this is a defect.',
        })
      }
      points.set(resource.address, { resource, at: point.time, seq: point.seq })
    }
    return points
  }

  /** Only for imported mail: generated mail has no bytes of its own that it could lose. */
  async #proof(before: Snapshots): Promise<ImportProof | undefined> {
    if (this.#stack.imported === undefined) return undefined
    this.#say('opening every stored message and comparing its bytes with the answers of Graph')
    const resources = await this.#api.resources()
    const mailboxes = resources.flatMap((resource) => {
      const snapshot = before.get(resource.address)
      return snapshot ? [{ resource, snapshot }] : []
    })
    return proveImport(this.#api, this.#stack.control, mailboxes)
  }

  async #story(before: Snapshots): Promise<Story> {
    const story = await tellStory(this.#stack.control, [...before.values()])
    for (const event of story.events) this.#say(`  · ${event}`)
    return story
  }

  /** One restore for each wish, in order; by wish. */
  async #fulfil(
    wishes: readonly Wish[],
    known: { points: ReadonlyMap<string, KnownPoint>; before: Snapshots },
  ): Promise<Map<Wish, RestoreResult>> {
    const results = new Map<Wish, RestoreResult>()
    for (const wish of wishes) {
      const point = known.points.get(wish.user)
      const snapshot = known.before.get(wish.user)
      if (!point || !snapshot) throw new Error(`nothing is known of ${wish.user}`)
      const { resource, seq } = point
      const request: RestoreRequest = {
        ...{ resource: resource.id, at: { seq }, destination: { kind: 'original' } },
        conflict: wish.asked.conflict,
        selection: await this.#selection(wish, point, snapshot),
      }
      const result = await restore(this.#api, request, this.#signal)
      const { restored = 0, alreadyThere = 0 } = result.job.counts
      const counts = `${plural(restored, 'item')} restored, ${alreadyThere} there already`
      this.#say(`restored ${wish.text} of ${wish.user}: ${counts}`)
      results.set(wish, result)
    }
    return results
  }

  async #selection(
    { asked }: Wish,
    { resource, at }: KnownPoint,
    snapshot: MailboxSnapshot,
  ): Promise<RestoreRequest['selection']> {
    const { scope } = asked
    if (scope === 'all') return { all: true }
    if ('messages' in scope) {
      const ids = new Set(scope.messages)
      const messages = snapshot.messages.filter(({ immutableId }) => ids.has(immutableId))
      return { items: await itemsOf(this.#api, resource.id, at, messages) }
    }
    const containers = await containersByPath(this.#api, resource.id, at)
    const paths = snapshot.folders.filter(({ id }) => scope.folders.includes(id))
    return { containers: paths.flatMap(({ path }) => containers.get(path)?.id ?? []) }
  }
}

function casesOf(given: {
  before: Snapshots
  damaged: Snapshots
  after: Snapshots
  wishes: readonly Wish[]
  restores: ReadonlyMap<Wish, RestoreResult>
  notStored: ReadonlySet<string>
}): MailboxCase[] {
  return [...given.before].flatMap(([user, before]) => {
    const [damaged, after] = [given.damaged.get(user), given.after.get(user)]
    if (!damaged || !after) return []
    const wishes = given.wishes.filter((wish) => wish.user === user)
    const lines = wishes.flatMap((wish) => given.restores.get(wish)?.lines ?? [])
    const refused = lines
      .filter(({ outcome }) => outcome === 'refused')
      .map(({ name, container = '', code = '' }) => ({ name, folderName: container, code }))
    const restores = wishes.map(({ asked }) => asked)
    return [{ before, damaged, after, restores, refused, notStored: given.notStored }]
  })
}

await live(demo)
