/**
 * A backup with a past, a target mailbox and a restore over both, for the tests of this folder.
 *
 * The catalogue is the real one on the strict table store in memory. The vault is a map from
 * hash to JSON: opening content is the vault's own business and tested there.
 */
import { createHash } from 'node:crypto'
import { createCatalogue } from '../../catalogue/index.ts'
import {
  aCommit,
  anOwner,
  countingRandom,
  graphId,
  iso,
  LATER,
  NEVER,
  OWNER,
  SECRET,
  TENANT,
} from '../../catalogue/testing/fixtures.ts'
import {
  type MemoryTableStore,
  memoryTableStore,
} from '../../catalogue/testing/memory-table-store.ts'
import type { Catalogue, Resource } from '../../catalogue/types.ts'
import { AppError, invariant } from '../../model/errors.ts'
import {
  CONTAINERS,
  type Display,
  type PutEvent,
  type Representation,
  type StreamEvent,
} from '../../model/events.ts'
import { type GraphId, type KeyHash, keyHash, parsePackId } from '../../model/ids.ts'
import {
  createMemoryBlobStore,
  type MemoryBlobStore,
} from '../../vault/testing/memory-blob-store.ts'
import type { ContentReader } from '../../vault/types.ts'
import { createRestore, type Restore, type RestoreDeps, type RestoreSettings } from '../index.ts'
import { type HandClock, handClock } from './hand-clock.ts'
import type { Process } from './process.ts'
import { contentOf, type ScriptedMailbox, scriptedMailbox, textOf } from './scripted-mailbox.ts'

export const START_MS = Date.UTC(2026, 5, 1)
export const LAG_MS = 120_000
export const SLICE_MS = 240_000
export const LEASE_MARGIN_MS = 60_000

export const USER: GraphId = graphId('user-1')
export const OTHER: GraphId = graphId('user-2')

export interface HeldFolderSpec {
  id: string
  name: string
  parent?: string
  wellKnownName?: string
  excluded?: Display['excluded']
}

export interface MailSpec {
  /** Its content; missing: that of a fresh mail of its identity. */
  text?: string
  /** The service's change key when it was captured. */
  change?: string
}

export interface World {
  readonly clock: HandClock
  readonly tables: MemoryTableStore
  readonly catalogue: Catalogue
  readonly mailbox: ScriptedMailbox
  /** The container `ops`. */
  readonly pins: MemoryBlobStore
  /** Hashes of representations that cannot be opened any more. */
  readonly damaged: Set<string>
  /** A commit with these events; gives its seq. */
  commit(events: readonly StreamEvent[]): Promise<number>
  folder(spec: HeldFolderSpec): PutEvent
  mail(id: string, folder: string, identity?: string, spec?: MailSpec): PutEvent
  /** A restore as one process sees it; without one, a process that never dies. */
  restore(process?: Process, settings?: Partial<RestoreSettings>): Restore
  readonly key: KeyHash
}

export async function makeWorld(): Promise<World> {
  const clock = handClock(START_MS)
  const tables = memoryTableStore()
  const random = countingRandom()
  const options = {
    tables,
    tenantId: TENANT,
    clock,
    random,
    protectionDays: 30,
    generationDays: 30,
  }
  const catalogue = createCatalogue(options)
  const mailbox = scriptedMailbox(clock)
  const contents = new Map<string, unknown>()
  const pins = createMemoryBlobStore(clock.now)
  const damaged = new Set<string>()
  await addResource(catalogue, USER, true)
  await addResource(catalogue, OTHER, false)
  await catalogue.owners.insert(anOwner({ graphId: USER, resource: keyHash(USER) }), NEVER)
  let seq = 0
  const world: World = {
    clock,
    tables,
    catalogue,
    mailbox,
    damaged,
    pins,
    key: keyHash(USER),
    async commit(events) {
      seq += 1
      const stream = catalogue.stream(OWNER, 'mail')
      const commit = aCommit(seq, events, { time: iso(seq * 60_000) })
      await stream.apply(commit, { secret: SECRET, notAfter: LATER }, NEVER)
      return seq
    },
    folder: ({ id, name, parent, wellKnownName, excluded }) =>
      put('container', id, CONTAINERS, {
        name,
        ...(parent === undefined ? {} : { parent: graphId(parent) }),
        ...(wellKnownName === undefined ? {} : { wellKnownName }),
        ...(excluded === undefined ? {} : { excluded }),
      }),
    mail(id, folder, identity = `<${id}>`, { text = textOf(identity), change = '' } = {}) {
      const json = { internetMessageId: identity, subject: id, text }
      const sha256 = sha(JSON.stringify(json))
      contents.set(sha256, json)
      const event = put('item', id, graphId(folder), { name: `Subject of ${id}` })
      const marker = { content: contentOf(text), decoration: '', change }
      const representations = [representation(sha256, JSON.stringify(json).length)]
      return { ...event, marker, representations }
    },
    restore(process, settings = {}) {
      const guard = <T extends object>(target: T): T => (process ? process.guard(target) : target)
      // Guarded below the catalogue, so that a process can die inside a catalogue call.
      const ports = { ...options, tables: guard(tables) }
      return createRestore({
        catalogue: createCatalogue(ports),
        vault: vaultOf(contents, damaged),
        pins: guard(pins),
        workloads: () => ({
          name: 'mail',
          compare: mailbox.compare,
          conflicts: mailbox.conflicts,
          pace: mailbox.pace,
          writer: (owner) => guard(mailbox.writer(owner)),
        }),
        clock,
        random,
        settings: { lagMs: LAG_MS, sliceMs: SLICE_MS, leaseMarginMs: LEASE_MARGIN_MS, ...settings },
      })
    },
  }
  return world
}

function put(kind: PutEvent['kind'], id: string, container: GraphId, display: Display): PutEvent {
  return {
    op: 'put',
    kind,
    item: graphId(id),
    why: 'new',
    place: { container, sortKey: sha(id).slice(0, 16) },
    marker: { content: sha(id), decoration: '', change: '' },
    display,
    representations: [],
  }
}

function representation(sha256: string, bytes: number): Representation {
  const id = sha(`segment ${sha256}`) as Representation['segments'][0]['id']
  const pack = parsePackId(sha('pack'))
  const segment = { id, pack, offset: 0, sealedBytes: bytes + 32, plainBytes: bytes }
  return { name: 'json', bytes, sha256, segments: [segment] }
}

function vaultOf(
  contents: ReadonlyMap<string, unknown>,
  damaged: ReadonlySet<string>,
): RestoreDeps['vault'] {
  const unused = () => {
    throw new AppError({ code: 'NotScripted', kind: 'bug', message: 'Not used by a restore.' })
  }
  const reader: ContentReader = {
    read: unused,
    readFrom: unused,
    readAll: unused,
    segment: unused,
    metadata(representation, signal) {
      signal.throwIfAborted()
      const { sha256, bytes } = representation
      if (damaged.has(sha256)) {
        const message = 'The segment does not open.'
        return Promise.reject(new AppError({ code: 'SegmentDamaged', kind: 'corrupt', message }))
      }
      const json = contents.get(sha256)
      invariant(json !== undefined, 'the test stored what it restores')
      return Promise.resolve({
        holdfast: 1,
        item: graphId('any'),
        kind: 'item',
        container: graphId('any'),
        workload: 'mail',
        capturedAt: iso(0),
        contents: [{ name: 'json', bytes, sha256, segments: [] }],
        json,
      })
    },
  }
  return { reader: () => reader, indexSecret: () => Promise.resolve(SECRET) }
}

async function addResource(catalogue: Catalogue, id: GraphId, held: boolean): Promise<void> {
  const resource: Resource = {
    key: keyHash(id),
    kind: 'user',
    graphId: id,
    name: 'Somebody',
    address: 'somebody@example.org',
    state: 'protected',
    reason: '',
    ...(held ? { owner: OWNER } : {}),
    workloads: ['mail'],
    seenAt: iso(0),
  }
  await catalogue.resources.update(resource.key, () => resource, NEVER)
}

const sha = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A backup of an inbox with two mails, of Projects with one, and below it of Alpha with one. */
export async function sampleWorld(): Promise<World> {
  const world = await makeWorld()
  await world.commit([
    world.folder({ id: 'f-inbox', name: 'Inbox', wellKnownName: 'inbox' }),
    world.folder({ id: 'f-projects', name: 'Projects' }),
    world.folder({ id: 'f-alpha', name: 'Alpha', parent: 'f-projects' }),
    world.mail('m1', 'f-inbox'),
    world.mail('m2', 'f-inbox'),
    world.mail('m3', 'f-projects'),
    world.mail('m4', 'f-alpha'),
  ])
  return world
}
