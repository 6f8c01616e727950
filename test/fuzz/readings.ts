/**
 * What is read after a mutation, and what each reading must give: exactly the truth, or a typed
 * error. A reading that is `sure` must give the truth, because what was changed is none of what it
 * needs, or because another copy serves.
 */
import type { Representation, SegmentRef } from '../../src/model/events.ts'
import type { OwnerId, PackId } from '../../src/model/ids.ts'
import {
  CHAIN_START,
  createPackOpener,
  followChain,
  openPack,
  recoverIndexSecret,
  salvage,
  segmentNamer,
  type VaultApi,
} from '../../src/vault/index.ts'
import { commitName, type StreamId } from '../../src/vault/names.ts'
import type { SpoiltStore } from './spoilt-store.ts'
import {
  BASES,
  type ContentTruth,
  type PackTruth,
  rebuiltRows,
  representationsOf,
  stateText,
  type Truth,
  textOf,
} from './truth.ts'

/** An answer that is not the truth. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer'
}

export interface Desk {
  truth: Truth
  store: SpoiltStore
  vault: VaultApi
  /** The writer may have said other things: what events say is not compared. */
  forged: boolean
  signal: AbortSignal
}

export interface Reading {
  what: string
  sure: boolean
  read(desk: Desk): Promise<void>
}

function expect(isTrue: boolean, text: string): asserts isTrue {
  if (!isTrue) throw new WrongAnswer(text)
}

const CONTENT_BYTES_MAX = 1 << 20
const FORGED_READ_MAX = 12

function namerOf(truth: Truth, owner: OwnerId) {
  return segmentNamer(truth.secrets.get(owner) ?? new Uint8Array(32))
}

/** The pack by itself: all of some pack of this owner, in its order, or an error. */
export function packAlone({ name, owner, layout }: PackTruth, sure: boolean): Reading {
  return {
    what: 'pack by itself',
    sure,
    async read({ truth, store, signal }) {
      const found = await store.read(name, signal)
      if (found === undefined) return
      const opener = createPackOpener(truth.keys, owner)
      const ids: string[] = []
      const keysOf = (header: typeof layout.header) => opener.keysOf(header, signal)
      for await (const { header, plain } of openPack(
        found.bytes,
        owner,
        keysOf,
        namerOf(truth, owner),
      )) {
        expectGenuine(truth, owner, header.id, plain)
        ids.push(header.id)
      }
      const whole = [...truth.packs.values()].some(
        (pack) =>
          pack.owner === owner && `${pack.layout.segments.map((s) => s.header.id)}` === `${ids}`,
      )
      expect(whole, 'a pack opens with other segments than any that was written')
    },
  }
}

function expectGenuine(truth: Truth, owner: OwnerId, id: string, plain: Uint8Array): void {
  const was = truth.segments.get(owner)?.get(id as never)
  expect(was !== undefined && Buffer.compare(was, plain) === 0, 'a segment opens to other bytes')
}

/** With the header that an index repeats: every segment whose bytes are still there, and no other. */
export function salvaged({ name, owner, layout }: PackTruth, sure: boolean): Reading {
  return {
    what: 'pack salvaged',
    sure,
    async read({ truth, store, signal }) {
      const pack = (await store.read(name, signal))?.bytes
      if (pack === undefined) return
      const keys = await createPackOpener(truth.keys, owner).keysOf(layout.header, signal)
      const found = new Set<string>()
      for await (const one of salvage(pack, 0, keys, namerOf(truth, owner))) {
        if (one.outcome === 'damaged') continue
        expectGenuine(truth, owner, one.header.id, one.plain)
        found.add(one.header.id)
      }
      const buffer = Buffer.from(pack.buffer, pack.byteOffset, pack.length)
      for (const { clear, body, header } of layout.segments) {
        const at = found.has(header.id) ? -1 : buffer.indexOf(Buffer.concat([clear, body]))
        expect(at === -1, 'a segment that is whole is not salvaged')
      }
    },
  }
}

/** As a restore reads it, and from the middle on. */
export function content(of: ContentTruth, sure: boolean, offset?: number): Reading {
  return {
    what: 'content',
    sure,
    async read({ vault, signal }) {
      const reader = vault.reader(of.owner)
      if (offset === undefined) {
        const all = await reader.readAll(of.representation, CONTENT_BYTES_MAX, signal)
        expect(of.plain.equals(all), 'content is not what was put in')
        return
      }
      const pieces: Uint8Array[] = []
      for await (const piece of reader.readFrom(of.representation, offset, signal)) {
        pieces.push(piece)
      }
      const rest = of.plain.subarray(Math.min(offset, of.plain.length))
      expect(
        rest.equals(Buffer.concat(pieces)),
        'content from the middle on is not what was put in',
      )
    },
  }
}

/** One segment, by its ref. */
export function segment(owner: OwnerId, ref: SegmentRef): Reading {
  return {
    what: 'segment',
    sure: false,
    async read({ truth, vault, signal }) {
      expectGenuine(truth, owner, ref.id, await vault.reader(owner).segment(ref, signal))
    },
  }
}

/** With hints that lead nowhere, so that the indexes must serve. */
export function lostContent(of: ContentTruth, sure: boolean): Reading {
  const representation = structuredClone(of.representation)
  for (const ref of representation.segments) {
    ref.offset += 1
    ref.pack = ref.pack.replace(/^./, (c) => (c === '0' ? '1' : '0')) as PackId
  }
  return { ...content({ ...of, representation }, sure), what: 'content by its index' }
}

export function metadata(of: ContentTruth, sure: boolean): Reading {
  return {
    what: 'metadata',
    sure,
    async read({ vault, signal }) {
      const read = await vault.reader(of.owner).metadata(of.representation, signal)
      const same = textOf(read) === textOf(JSON.parse(of.plain.toString()))
      expect(same, 'metadata is not what was put in')
    },
  }
}

export function commitAt(at: StreamId, seq: number, sure: boolean): Reading {
  return {
    what: 'commit',
    sure,
    async read({ truth, vault, forged, signal }) {
      const stream = await vault.stream(at.owner, at.workload, signal)
      const commit = await stream.readCommit(seq, signal)
      if (commit === undefined || forged) return
      expect(textOf(commit) === truth.commits.get(at)?.get(seq), 'a commit says something else')
    },
  }
}

/** The whole chain: every commit on it is the truth, and void or damaged ones are said to be so. */
export function chain(at: StreamId, sure: boolean): Reading {
  return {
    what: 'chain',
    sure,
    async read({ truth, vault, forged, signal }) {
      const stream = await vault.stream(at.owner, at.workload, signal)
      const expected = truth.commits.get(at) ?? new Map<number, string>()
      let met = 0
      for await (const { step } of followChain(stream, CHAIN_START, signal)) {
        if (step.is !== 'commit' || forged) continue
        met += 1
        expect(
          textOf(step.commit) === expected.get(step.commit.seq),
          'a commit of the chain differs',
        )
      }
      expect(!sure || forged || met === expected.size, 'a commit of the chain is not met')
    },
  }
}

export function stateAt(
  at: StreamId,
  seq: number,
  options: { sure: boolean; bases: boolean; shardItems: number },
): Reading {
  return {
    what: options.bases ? 'state' : 'state by commits',
    sure: options.sure,
    async read({ truth, vault, forged, signal }) {
      const stream = await vault.stream(at.owner, at.workload, signal)
      const isFree = forged && !options.sure
      const known = truth.refs.get(at)?.find((r) => r.seq === seq)
      const ref = isFree ? await stream.readCommit(seq, signal) : known
      if (ref === undefined) return
      const { shardItems } = options
      const how = { shardItems, ...(options.bases ? {} : { without: BASES }) }
      const state = await stateText(stream, ref, how, signal)
      expect(isFree || state === truth.states.get(at)?.get(seq), 'a state is not what commits said')
    },
  }
}

/** Into fresh tables. Over damage: whatever it gives, it must end. */
export function rebuilt(at: StreamId, overDamage: boolean, sure: boolean): Reading {
  return {
    what: overDamage ? 'rebuild over damage' : 'rebuild',
    sure,
    async read({ truth, store, vault, forged, signal }) {
      const stream = await vault.stream(at.owner, at.workload, signal)
      const rows = await rebuiltRows(truth, stream, overDamage, signal)
      if (forged || overDamage) return
      const isTrue = truth.rows.get(at)?.has(rows) ?? false
      const beginsLater = hasExpired(truth, store, at) && truth.rowsFromBase.get(at)?.has(rows)
      expect(isTrue || beginsLater === true, 'rows are not those of the commits')
    },
  }
}

/** The first commit is not there, or one that storage says is younger has its name (decision 018). */
function hasExpired(truth: Truth, store: SpoiltStore, at: StreamId): boolean {
  const name = commitName(at, 1)
  const [was, is] = [truth.blobs.get(name), store.get(name)]
  return is === undefined || (was !== undefined && is.createdAt > was.createdAt)
}

/** What the events of a forged commit name: only bytes that were written, if any. */
export function forgedContents(at: StreamId, seq: number): Reading {
  return {
    what: 'forged content',
    sure: false,
    async read({ truth, vault, signal }) {
      const stream = await vault.stream(at.owner, at.workload, signal)
      const commit = await stream.readCommit(seq, signal)
      const named = (commit?.events ?? []).flatMap(representationsOf).slice(0, FORGED_READ_MAX)
      const known = [...(truth.segments.get(at.owner)?.values() ?? [])].map((plain) =>
        Buffer.from(plain),
      )
      for (const representation of named)
        await readForged({ vault, signal, at, known }, representation)
    },
  }
}

async function readForged(
  { vault, signal, at, known }: Pick<Desk, 'vault' | 'signal'> & { at: StreamId; known: Buffer[] },
  representation: Representation,
): Promise<void> {
  const reader = vault.reader(at.owner)
  let bytes = 0
  for await (const piece of reader.read(representation, signal)) {
    expect(
      known.some((plain) => plain.equals(piece)),
      'content that nobody wrote',
    )
    bytes += piece.length
    if (bytes > CONTENT_BYTES_MAX) return
  }
}

export function ownerRecord(owner: OwnerId, sure: boolean): Reading {
  return {
    what: 'owner record',
    sure,
    async read({ truth, vault, forged, signal }) {
      const record = await vault.ownerRecord(owner, signal)
      if (record === undefined || forged) return
      expect(textOf(record) === truth.records.get(owner), 'an owner record says something else')
    },
  }
}

export function format(sure: boolean): Reading {
  return {
    what: 'format',
    sure,
    async read({ vault, store, signal }) {
      // Where it is missing it would be written anew, and here nothing can be.
      if (store.get('format.json') !== undefined) await vault.prepare(signal)
    },
  }
}

export function secretOf(owner: OwnerId, sure: boolean): Reading {
  return {
    what: 'index secret from commits',
    sure,
    async read({ truth, store, forged, signal }) {
      const secret = await recoverIndexSecret({ vault: store, keys: truth.keys }, owner, signal)
      const same = Buffer.compare(secret, truth.secrets.get(owner) ?? new Uint8Array()) === 0
      expect(same || forged, 'an index secret is another')
    },
  }
}
