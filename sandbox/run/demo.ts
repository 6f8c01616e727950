/**
 * `npm run demo`: the whole story without a person. A tenant is backed up; on a day of mistakes
 * and on a day of ransomware things happen in it, a backup follows, people ask for what they
 * lost, and a verdict compares the tenant's own state before and after.
 *
 * Exit code 0 only if no restore failed, every difference is one that docs/fidelity.md lists, and
 * every refusal has a type. It works in a temporary folder and removes it, unless --dir names one.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import pc from 'picocolors'
import { parseFidelity } from '../verdict/index.ts'
import { type ApiClient, createApiClient } from './api-client.ts'
import { type BackupResult, backUp } from './backup.ts'
import { openDataDir } from './data-dir.ts'
import { fulfilFiles, siteCasesOf } from './file-fulfil.ts'
import {
  addSecondLibrary,
  attackFiles,
  type FileStory,
  type FileWish,
  librariesOf,
  tellFileStory,
} from './file-story.ts'
import { casesOf, fulfil, type KnownPoint, newestPoints, type Snapshots } from './fulfil.ts'
import { type ImportProof, proveImport } from './import-proof.ts'
import { live } from './lifetime.ts'
import { snapshots } from './mailboxes.ts'
import { readOptions, wholeNumber } from './options.ts'
import { plural } from './progress.ts'
import { attack, victimOf } from './ransomware.ts'
import { type Day, type FileDay, type RansomwareDay, type Report, reportOf } from './report.ts'
import { reportText } from './report-text.ts'
import type { RestoreResult } from './restore.ts'
import { itemsToRead, type SiteSnapshots, siteSnapshots } from './sites.ts'
import { type Stack, startStack } from './stack.ts'
import { tellStory, type Wish } from './story.ts'
import { NO_VERIFICATION } from './tick.ts'
import { EXIT_CODES } from './trouble.ts'

const USAGE = `usage: npm run demo -- [--import DIR] [--json] [--dir DIR] [--users N] [--messages N]
  --import DIR    use the .eml files of DIR, or DIR/emails and DIR/files, instead of generated ones
  --json          print the report as one JSON document on the last line
  --dir DIR       work in DIR and keep it
  --users N       generated mailboxes (3 to 50, default 5)
  --messages N    generated messages in each (20 to 5000, default 60)
  --files N       generated files in each OneDrive and library (10 to 5000, default 30)`

/** Waits that are made for a service far away; here they would only be waited out. */
const SETTINGS = {
  HOLDFAST_WAVE_PAUSE_SECONDS: '1',
  HOLDFAST_DELETION_LAG_MINUTES: '0',
  HOLDFAST_RESTORE_LAG_SECONDS: '2',
  ...NO_VERIFICATION,
}
const SEED = 20_260_301
const SITES = 2
/** In each library: enough of them that some stand in others. */
const FOLDERS = 12
/** Of the files of each library, when they were generated; imported ones are all hit. */
const SHARE_HIT = 0.8
/** A person does not want to wait for a budget of a service far away. */
const UNITS_PER_MINUTE = 100_000
const FIDELITY = new URL('../../docs/fidelity.md', import.meta.url)

interface DemoOptions {
  importDir: string | undefined
  json: boolean
  dir: string | undefined
  users: number
  messages: number
  files: number
}

function readDemoOptions(): DemoOptions {
  const given = readOptions(USAGE, {
    ...{ import: 'text', json: 'flag', dir: 'text', users: 'text', messages: 'text' },
    files: 'text',
  })
  const number = (
    name: 'users' | 'messages' | 'files',
    least: number,
    most: number,
    otherwise: number,
  ) => wholeNumber(given[name], { name: `--${name}`, least, most, otherwise, usage: USAGE })
  return {
    importDir: given.import === undefined ? undefined : resolve(given.import),
    json: given.json,
    dir: given.dir,
    users: number('users', 3, 50, 5),
    messages: number('messages', 20, 5000, 60),
    files: number('files', 10, 5000, 30),
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
    const { importDir, users, messages, files } = options
    const tenant =
      importDir === undefined
        ? { seed: { seed: SEED, users, messages, files, folders: FOLDERS, sites: SITES } }
        : { importDir }
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

class Demo {
  readonly #stack: Stack
  readonly #api: ApiClient
  readonly #out: NodeJS.WriteStream
  readonly #signal: AbortSignal
  /** Those that the first backup read. */
  #libraries: ReadonlySet<string> = new Set()

  constructor(stack: Stack, options: { out: NodeJS.WriteStream; signal: AbortSignal }) {
    const { apiUrl, control } = stack
    const { signal } = options
    this.#stack = stack
    this.#out = options.out
    this.#signal = signal
    this.#api = createApiClient({ apiUrl, control, signal, roles: ['Admin', 'Operator', 'Reader'] })
  }

  /** Two days: one of mistakes, one of an attack. Each has its own verdict. */
  async play(): Promise<Report> {
    const { control, imported } = this.#stack
    const fidelity = parseFidelity(await readFile(FIDELITY, 'utf8'))
    await control.settings({ unitsPerMinute: UNITS_PER_MINUTE })
    await addSecondLibrary(control)
    await this.#api.setup()
    const first = await this.#backUp('first backup', await itemsToRead(control))
    const before = await snapshots(control)
    const proof = await this.#proof(before)
    const notStored = new Set(proof?.ledgerIds)
    const mistakes = await this.#dayOfMistakes({ before, notStored })
    const ransomware = await this.#dayOfRansomware(notStored)
    const { invitations } = await control.invitations({})
    return reportOf({
      ...{ first, fidelity, mistakes, ransomware, mailsSent: invitations.length },
      proof: proof && { ...proof, refusedFiles: imported?.refused ?? [] },
    })
  }

  async #dayOfMistakes(given: { before: Snapshots; notStored: ReadonlySet<string> }): Promise<Day> {
    const { control } = this.#stack
    const points = await newestPoints(this.#api)
    const story = await tellStory(control, [...given.before.values()])
    for (const event of story.events) this.#say(`  · ${event}`)
    const files = await this.#fileDay(points, (sites) => {
      this.#libraries = librariesOf(sites)
      return tellFileStory(control, sites)
    })
    const backup = await this.#backUp('incremental', undefined)
    const damaged = await snapshots(control)
    const restores = new Map<Wish, RestoreResult>()
    for (const wish of story.wishes) {
      const context = { api: this.#api, signal: this.#signal, points, before: given.before }
      restores.set(wish, this.#told(wish, await fulfil(wish, context)))
    }
    const day = await this.#judged({ ...given, damaged, restores, backup, events: story.events })
    return { ...day, ...(await files?.restore()) }
  }

  /** Of the evening before there is a backup; then the attack, and a backup of what it left. */
  async #dayOfRansomware(notStored: ReadonlySet<string>): Promise<RansomwareDay> {
    const { control } = this.#stack
    await this.#backUp('evening backup', undefined)
    const before = await snapshots(control)
    const points = await newestPoints(this.#api)
    const attacked = await attack(control, victimOf([...before.values()]))
    for (const event of attacked.events) this.#say(`  · ${event}`)
    const share = this.#stack.imported === undefined ? SHARE_HIT : 1
    const libraries = this.#libraries
    const files = await this.#fileDay(points, (sites) =>
      attackFiles(control, { sites, libraries, share }),
    )
    const backup = await this.#backUp('after the attack', undefined)
    const damaged = await snapshots(control)
    const { wish, at, events } = attacked
    const context = { api: this.#api, signal: this.#signal, points, before }
    const restores = new Map([[wish, this.#told(wish, await fulfil(wish, context, at))]])
    const day = await this.#judged({ before, damaged, restores, backup, events, notStored })
    const { encrypted, deleted } = attacked
    return { ...day, encrypted, deleted, ...(await files?.restore(at)) }
  }

  /** Only where sites are backed up. `restore` is to follow the backup of what is left. */
  async #fileDay<Story extends FileStory>(
    points: ReadonlyMap<string, KnownPoint>,
    tell: (sites: SiteSnapshots) => Promise<Story>,
  ): Promise<{ restore(at?: string): Promise<{ files: FileDay }> } | undefined> {
    const { control } = this.#stack
    const all = await siteSnapshots(control)
    const before = new Map([...all].filter(([url]) => points.has(url)))
    if (before.size === 0) return undefined
    const story = await tell(before)
    for (const event of story.events) this.#say(`  · ${event}`)
    const { wishes, ...told } = story
    const context = { api: this.#api, signal: this.#signal, points, before }
    return {
      restore: async (at) => {
        const damaged = await siteSnapshots(control)
        const restores = new Map<FileWish, RestoreResult>()
        for (const wish of wishes) {
          const result = await fulfilFiles(wish, context, at)
          restores.set(wish, this.#told({ ...wish, user: wish.site }, result))
        }
        const after = await siteSnapshots(control)
        const notStored = new Set<string>()
        const files = {
          ...told,
          restores: [...restores.values()],
          wishes: wishes.map(({ text, site }) => `${text} of ${site}`),
          cases: siteCasesOf({ before, damaged, after, restores, notStored }),
        }
        return { files }
      },
    }
  }

  async #judged(given: {
    before: Snapshots
    damaged: Snapshots
    restores: ReadonlyMap<Wish, RestoreResult>
    notStored: ReadonlySet<string>
    backup: BackupResult
    events: readonly string[]
  }): Promise<Day> {
    const { backup, events, restores } = given
    const after = await snapshots(this.#stack.control)
    return {
      ...{ backup, events, restores: [...restores.values()] },
      wishes: [...restores.keys()].map(({ text, user }) => `${text} of ${user}`),
      cases: casesOf({ ...given, after }),
    }
  }

  #told(wish: Pick<Wish, 'text' | 'user'>, result: RestoreResult): RestoreResult {
    const { restored = 0, alreadyThere = 0 } = result.job.counts
    const counts = `${plural(restored, 'item')} restored, ${alreadyThere} there already`
    this.#say(`restored ${wish.text} of ${wish.user}: ${counts}`)
    return result
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
}

await live(demo)
