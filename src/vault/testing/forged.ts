/** Commits as somebody with the index secret would write them: sealed well, whatever they say. */
import { randomBytes } from 'node:crypto'
import type { PackId } from '../../model/ids.ts'
import { type CommitBody, type Envelope, encodeCommit } from '../commit-format.ts'
import type { StreamId } from '../names.ts'
import { newOwner } from './fixture.ts'

export const STREAM: StreamId = { owner: newOwner(), workload: 'mail' }
export const SECRET = new Uint8Array(randomBytes(32))
/** Of the forged commits, unless they say otherwise. */
export const SEQ = 5

export const aHash = (letter: string): string => letter.repeat(64)
export const aTime = (minutes: number): string => new Date(minutes * 60_000).toISOString()
export const aPack = (letter: string) => ({
  id: aHash(letter) as PackId,
  bytes: 1000,
  createdAt: aTime(1),
  index: { sha256: aHash(letter), bytes: 100, inline: false },
})

const envelope: Envelope = {
  ...STREAM,
  seq: SEQ,
  previous: aHash('4'),
  voids: [],
  time: aTime(50),
  parts: [],
  packs: [],
  used: [],
  counts: {
    ...{ seen: 0, stored: 0, restated: 0, unchanged: 0 },
    ...{ left: 0, deleted: 0, ledger: 0, excluded: 0 },
  },
  complete: true,
  base: null,
  secret: [{ keyId: 'k', fingerprint: aHash('f'), wrapped: 'AAAA' }],
  tool: 'holdfast/test',
}

const body: CommitBody = {
  cursors: [],
  round: { id: 1, startedAt: aTime(0), phase: 'complete' },
  events: [],
}

export interface Forgery {
  /** Instead of what a good commit of SEQ says; of any type, because a forger is free. */
  envelope?: Readonly<Record<string, unknown>>
  body?: Readonly<Record<string, unknown>>
  inline?: ReadonlyMap<string, Uint8Array>
  secret?: Uint8Array
}

/** The bytes of commit.json. */
export function forgedCommit(forgery: Forgery = {}): Promise<Uint8Array> {
  const { inline = new Map<string, Uint8Array>(), secret = SECRET } = forgery
  const said = { ...envelope, ...forgery.envelope } as Envelope
  const sealed = { ...body, ...forgery.body } as CommitBody
  return encodeCommit({ envelope: said, body: sealed, inline, secret }, randomBytes(32))
}
