/** The whole state of a stream after a commit, from blobs, for tests of small streams. */
import type { CommitRef, RoundState } from '../../model/events.ts'
import { type BaseProgress, buildBase } from '../base-writer.ts'
import { openState, readShard, type StateOptions } from '../stream-state.ts'
import type { BaseIndex, StateCursor, StateLine, StreamVault } from '../types.ts'
import { never } from './fixture.ts'

export interface WholeState {
  /** Items and entries. */
  lines: StateLine[]
  cursors: StateCursor[]
  round: RoundState
}

export async function wholeState(
  stream: StreamVault,
  ref: CommitRef,
  options: StateOptions = {},
): Promise<WholeState & { base: number | undefined }> {
  const source = await openState(stream, ref, options, never)
  const lines: StateLine[] = []
  for (let n = 0; n < source.shards; n += 1) lines.push(...(await readShard(source, n, never)))
  return { lines, cursors: source.cursors, round: source.round, base: source.base?.asOf.seq }
}

/** Without any base: every commit from the first one on is read. */
export async function stateByCommits(stream: StreamVault, ref: CommitRef): Promise<WholeState> {
  const without: number[] = []
  for await (const seq of stream.baseSeqs(never)) without.push(seq)
  const { lines, cursors, round } = await wholeState(stream, ref, { without })
  return { lines, cursors, round }
}

/** A base, in as many calls as there are shards. */
export async function baseOf(
  stream: StreamVault,
  asOf: CommitRef,
  shardItems = 2,
): Promise<BaseIndex> {
  let progress: BaseProgress | undefined
  for (;;) {
    const options = { asOf, shardItems, mayGoOn: () => false, ...(progress ? { progress } : {}) }
    const result = await buildBase(stream, options, never)
    if (result.outcome === 'built') return result.base
    progress = JSON.parse(JSON.stringify(result.progress))
  }
}
