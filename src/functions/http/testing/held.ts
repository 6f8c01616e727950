/**
 * A small mailbox in the catalogue: real commits through the real `apply`, and a reader double
 * that holds the contents.
 */
import { createHash } from 'node:crypto'
import type { Catalogue } from '../../../catalogue/types.ts'
import { AppError } from '../../../model/errors.ts'
import {
  CONTAINERS,
  type Commit,
  NO_COUNTS,
  type PutEvent,
  type Representation,
  type RepresentationName,
  type StreamEvent,
} from '../../../model/events.ts'
import {
  type GraphId,
  keyHash,
  type OwnerId,
  type PackId,
  type SegmentId,
} from '../../../model/ids.ts'
import type { ContentReader } from '../../../vault/types.ts'

export const OWNER = 'ab'.repeat(16) as OwnerId
export const USER = graphId('user-with-a-mailbox')
export const INBOX = graphId('AAMkInbox/+=')
export const ARCHIVE = graphId('AAMkArchive')
export const SECRET = 'Geheim: Übernahme'
export const MESSAGES = 25
const PACK = 'c'.repeat(64) as PackId

export function graphId(text: string): GraphId {
  return text as GraphId
}
export const messageId = (n: number): GraphId => graphId(`AAMkMessage${n}`)
export const messageKey = (n: number) => keyHash(messageId(n))

/** Contents by SHA-256. */
export type Contents = Map<string, Uint8Array>

export function represent(
  contents: Contents,
  name: RepresentationName,
  bytes: Uint8Array,
): Representation {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  contents.set(sha256, bytes)
  const segment = {
    id: sha256 as SegmentId,
    pack: PACK,
    offset: 0,
    sealedBytes: bytes.length + 64,
    plainBytes: bytes.length,
  }
  return { name, bytes: bytes.length, sha256, segments: [segment] }
}

function folder(item: GraphId, name: string, more: Partial<PutEvent['display']> = {}): PutEvent {
  return {
    op: 'put',
    kind: 'container',
    item,
    why: 'new',
    place: { container: CONTAINERS, sortKey: keyHash(item) },
    marker: { content: name, decoration: '', change: '' },
    display: { name, ...more },
    representations: [],
  }
}

export function message(contents: Contents, n: number, mime?: Uint8Array): PutEvent {
  const subject = `${SECRET} ${n}`
  const date = new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString()
  const bytes = mime ?? Buffer.from(`Subject: ${subject}\r\n\r\nBody of ${n}\r\n`)
  const json = Buffer.from(JSON.stringify({ subject, n }))
  return {
    op: 'put',
    kind: 'item',
    item: messageId(n),
    why: 'new',
    place: { container: INBOX, sortKey: `2026-${String(MESSAGES - n).padStart(4, '0')}` },
    marker: { content: `${n}`, decoration: '', change: '' },
    display: { name: subject, by: 'boss@contoso.example', date, size: bytes.length },
    representations: [represent(contents, 'json', json), represent(contents, 'mime', bytes)],
  }
}

export function commitOf(seq: number, time: string, events: StreamEvent[]): Commit {
  return {
    owner: OWNER,
    workload: 'mail',
    seq,
    hash: String(seq).padStart(64, '0'),
    previous: seq === 1 ? null : String(seq - 1).padStart(64, '0'),
    time,
    complete: true,
    packs: [{ id: PACK, bytes: 1000, createdAt: time }],
    events,
    cursors: [],
    round: { id: seq, startedAt: time, phase: 'complete' },
    counts: { ...NO_COUNTS, seen: events.length, stored: events.length },
  }
}

/** Two folders, 25 messages at the first point, one of them deleted at the second. */
export async function fillMailbox(
  catalogue: Catalogue,
  contents: Contents,
  notAfter: number,
  signal: AbortSignal,
): Promise<void> {
  const events: StreamEvent[] = [
    folder(INBOX, 'Posteingang', { wellKnownName: 'inbox' }),
    folder(ARCHIVE, 'Archiv', { parent: INBOX }),
    ...Array.from({ length: MESSAGES }, (_, n) => message(contents, n)),
  ]
  const tables = catalogue.stream(OWNER, 'mail')
  const options = { secret: new Uint8Array(32), notAfter }
  await tables.apply(commitOf(1, '2026-02-01T00:00:00.000Z', events), options, signal)
  const first = message(contents, 0)
  const leaves = { ...first.place, from: 1 }
  const gone: StreamEvent[] = [
    { op: 'deleted', kind: 'item', item: messageId(0), leaves, leftAt: '2026-02-01T12:00:00.000Z' },
    {
      op: 'ledger',
      kind: 'item',
      item: graphId('AAMkTooLarge'),
      reason: 'too-large',
      code: 'ItemTooLarge',
      place: { container: INBOX, sortKey: 'zz' },
      display: { name: 'Huge' },
      attempts: 2,
    },
  ]
  await tables.apply(commitOf(2, '2026-02-02T00:00:00.000Z', gone), options, signal)
}

/** Reads what `represent` put in, in pieces; knows nothing of packs and keys. */
export function contentReader(contents: Contents, faults: { keyMissing: boolean }): ContentReader {
  const bytesOf = (representation: Representation): Uint8Array => {
    if (faults.keyMissing) {
      throw new AppError({
        code: 'KeyMissing',
        kind: 'permanent',
        message: 'The keys of this owner were erased.',
        hint: 'What they sealed cannot be read by anybody.',
      })
    }
    const bytes = contents.get(representation.sha256)
    if (bytes === undefined) throw new TypeError(`no content, and a secret: ${SECRET}`)
    return bytes
  }
  return {
    async *read(representation) {
      const bytes = bytesOf(representation)
      for (let at = 0; at < bytes.length; at += 1024 * 1024) {
        yield bytes.subarray(at, at + 1024 * 1024)
      }
    },
    async *readFrom(representation, offset) {
      yield bytesOf(representation).subarray(offset)
    },
    readAll: async (representation) => bytesOf(representation),
    async metadata(representation) {
      const json: unknown = JSON.parse(Buffer.from(bytesOf(representation)).toString())
      return {
        holdfast: 1,
        item: messageId(1),
        kind: 'item',
        container: INBOX,
        workload: 'mail',
        capturedAt: '2026-02-01T00:00:00.000Z',
        contents: [],
        json,
      }
    },
    segment: () => Promise.reject(new Error('the API reads no single segments')),
  }
}
