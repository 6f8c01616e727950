/**
 * A backup of a site with one library, a scripted drive, and a restore over both.
 *
 * The catalogue is the real one on the table store in memory. Content is held in small segments,
 * so that an upload begins and ends in the middle of them.
 */
import { createCatalogue } from '../../catalogue/index.ts'
import {
  aCommit,
  anOwner,
  countingRandom,
  digest,
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
  type PutEvent,
  type Representation,
  type SegmentRef,
  type StreamEvent,
} from '../../model/events.ts'
import { type GraphId, type KeyHash, keyHash, parsePackId } from '../../model/ids.ts'
import { createMemoryBlobStore } from '../../vault/testing/memory-blob-store.ts'
import type { ContentReader } from '../../vault/types.ts'
import { createRestore, type Restore, type RestoreDeps } from '../index.ts'
import { type HandClock, handClock } from './hand-clock.ts'
import type { Process } from './process.ts'
import { fileMarker, hashOfText, type ScriptedDrive, scriptedDrive } from './scripted-drive.ts'
import { LAG_MS, LEASE_MARGIN_MS, SLICE_MS, START_MS } from './world.ts'

export const SITE: GraphId = graphId('host,site,web')
export const LIBRARY: GraphId = graphId('b!library')
/** Characters of one segment. */
const SEGMENT = 3

export interface DriveWorld {
  readonly clock: HandClock
  readonly tables: MemoryTableStore
  readonly catalogue: Catalogue
  readonly drive: ScriptedDrive
  readonly key: KeyHash
  readonly workload: 'drive'
  /** Segments that were read, by their plaintext, in order. */
  readonly opened: string[]
  commit(events: readonly StreamEvent[]): Promise<number>
  folder(id: string, name: string, parent?: GraphId): PutEvent
  file(id: string, container: string, name: string, text: string): PutEvent
  /** The same, with permissions of its own: a word for each of whom it lets in. */
  shared(event: PutEvent, permissions: string): PutEvent
  /** Puts a file into the target. */
  stand(id: string, container: string, name: string, text: string, revision?: number): void
  restore(process?: Process): Restore
}

export async function makeDriveWorld(): Promise<DriveWorld> {
  const clock = handClock(START_MS)
  const tables = memoryTableStore()
  const random = countingRandom()
  const windows = { protectionDays: 30, generationDays: 30 }
  const options = { tables, tenantId: TENANT, clock, random, ...windows }
  const catalogue = createCatalogue(options)
  const drive = scriptedDrive(clock)
  const held = new Held()
  const pins = createMemoryBlobStore(clock.now)
  await catalogue.resources.update(keyHash(SITE), () => siteResource(), NEVER)
  await catalogue.owners.insert(anOwner({ graphId: SITE, resource: keyHash(SITE) }), NEVER)
  drive.folders.push({ id: LIBRARY, name: 'Documents', isHome: true, pathLength: 9 })
  let seq = 0
  return {
    clock,
    tables,
    catalogue,
    drive,
    key: keyHash(SITE),
    workload: 'drive',
    opened: held.opened,
    async commit(events) {
      seq += 1
      const at = { time: iso(seq * 60_000), workload: 'drive' as const }
      const commit = aCommit(seq, events, at)
      const stream = catalogue.stream(OWNER, 'drive')
      await stream.apply(commit, { secret: SECRET, notAfter: LATER }, NEVER)
      return seq
    },
    folder: (id, name, parent) => put('container', id, CONTAINERS, name, parent),
    file(id, container, name, text) {
      const event = put('item', id, graphId(container), name)
      const json = held.json({ name, hash: hashOfText(text) })
      const whole = { id: event.item, container: graphId(container), name, text, revision: 0 }
      const marker = fileMarker({ ...whole, visibleAt: 0, before: [] })
      return { ...event, marker, representations: [json, held.content(text)] }
    },
    shared(event, permissions) {
      const [json = held.json({ name: event.display.name, hash: '' }), ...rest] =
        event.representations
      return { ...event, representations: [json, ...rest, held.permissions(permissions)] }
    },
    stand(id, container, name, text, revision = 0) {
      const where = { id: graphId(id), container: graphId(container) }
      drive.files.push({ ...where, name, text, revision, visibleAt: 0, before: [] })
    },
    restore(process) {
      const guard = <T extends object>(target: T): T => (process ? process.guard(target) : target)
      return createRestore({
        catalogue: createCatalogue({ ...options, tables: guard(tables) }),
        vault: held.vault(),
        pins: guard(pins),
        workloads: () => ({ ...drive, writer: (owner) => guard(drive.writer(owner)) }),
        clock,
        random,
        settings: { lagMs: LAG_MS, sliceMs: SLICE_MS, leaseMarginMs: LEASE_MARGIN_MS },
      })
    },
  }
}

/** Plaintexts by the ids of their segments. */
class Held {
  readonly opened: string[] = []
  readonly #segments = new Map<string, string>()

  json(json: { name: string; hash: string }): Representation {
    const text = JSON.stringify(json)
    return this.#representation('json', text, text.length)
  }

  content(text: string): Representation {
    return this.#representation('content', text, SEGMENT)
  }

  permissions(text: string): Representation {
    return this.#representation('permissions', text, SEGMENT)
  }

  #representation(name: Representation['name'], text: string, size: number): Representation {
    const segments: SegmentRef[] = []
    for (let at = 0; at < text.length; at += size) {
      const plain = text.slice(at, at + size)
      const id = digest(`segment ${plain}`) as SegmentRef['id']
      this.#segments.set(id, plain)
      const bytes = { sealedBytes: plain.length + 32, plainBytes: plain.length }
      segments.push({ id, pack: parsePackId(digest('pack')), offset: 0, ...bytes })
    }
    return { name, bytes: text.length, sha256: digest(text), segments }
  }

  vault(): RestoreDeps['vault'] {
    const unused = () => {
      throw new AppError({ code: 'NotScripted', kind: 'bug', message: 'Not used by a restore.' })
    }
    const plain = ({ id }: SegmentRef): string => {
      const text = this.#segments.get(id)
      invariant(text !== undefined, 'the test stored what it restores')
      return text
    }
    const open = (ref: SegmentRef): Uint8Array => {
      this.opened.push(plain(ref))
      return Buffer.from(plain(ref))
    }
    const reader: ContentReader = {
      readAll: ({ segments }) => Promise.resolve(Buffer.concat(segments.map(open))),
      async *readFrom({ segments }, offset) {
        let at = 0
        for (const ref of segments) {
          if (at + ref.plainBytes > offset) yield open(ref).subarray(Math.max(0, offset - at))
          at += ref.plainBytes
        }
      },
      segment: unused,
      async *read({ segments }) {
        for (const ref of segments) yield open(ref)
      },
      metadata: ({ segments }) =>
        Promise.resolve({
          holdfast: 1,
          item: graphId('any'),
          kind: 'item',
          container: graphId('any'),
          workload: 'drive',
          capturedAt: iso(0),
          contents: [],
          json: JSON.parse(segments.map(plain).join('')),
        }),
    }
    return { reader: () => reader, indexSecret: () => Promise.resolve(SECRET) }
  }
}

function put(
  kind: PutEvent['kind'],
  id: string,
  container: GraphId,
  name: string,
  parent?: GraphId,
): PutEvent {
  return {
    op: 'put',
    kind,
    item: graphId(id),
    why: 'new',
    place: { container, sortKey: digest(id).slice(0, 16) },
    marker: { content: digest(id), decoration: '', change: '' },
    display: { name, ...(parent === undefined ? {} : { parent }) },
    representations: [],
  }
}

function siteResource(): Resource {
  return {
    key: keyHash(SITE),
    kind: 'site',
    graphId: SITE,
    name: 'Some site',
    address: 'https://example.sharepoint.com/sites/some',
    state: 'protected',
    reason: '',
    owner: OWNER,
    workloads: ['drive'],
    seenAt: iso(0),
  }
}
