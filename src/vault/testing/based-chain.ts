/** A chain of commits of which some carry bases, and copies of it of which something is gone. */
import { aCommit, aCursor, aPut, folderId, messageId } from '../../catalogue/testing/fixtures.ts'
import type { CommitRef } from '../../model/events.ts'
import { commitName } from '../names.ts'
import { type ChainInVault, emptyChain, extend } from './chains.ts'
import { forkOf, never } from './fixture.ts'
import { baseOf } from './states.ts'

const DAY_MS = 24 * 3_600_000
/** Few, so that a base has several parts. */
const SHARD_ITEMS = 2

export interface BasedChain extends ChainInVault {
  ref(seq: number): CommitRef
  /** Of its commit.json. */
  named(seq: number): string
  /** A copy without these commits; what bases restate is there. */
  without(...seqs: readonly number[]): Promise<BasedChain>
  /** Puts these bytes into the place of a commit.json. */
  put(seq: number, bytes: Uint8Array, at?: Date): void
  /** Flips a bit in each blob of the folder of a commit whose name ends so. */
  spoil(seq: number, ending: '.bi' | '.bs' | 'commit.json'): void
}

/** `bases`: the state that the commit with this seq restates. A day lies between two commits. */
export async function basedChain(
  commits: number,
  bases: Readonly<Record<number, number>>,
): Promise<BasedChain> {
  const chain = await emptyChain()
  for (let seq = 1; seq <= commits; seq += 1) {
    chain.on.clock.advance(DAY_MS)
    const asOf = chain.refs[(bases[seq] ?? 0) - 1]
    const base = asOf && (await baseOf(chain.stream, asOf, SHARD_ITEMS))
    const cursors = [aCursor(folderId(seq % 2))]
    await extend(chain, aCommit(seq, [aPut(messageId(seq), folderId(1))], { cursors }), base)
  }
  return based(chain)
}

function based(chain: ChainInVault): BasedChain {
  const { on, owner, refs } = chain
  const named = (seq: number) => commitName({ owner, workload: 'mail' }, seq)
  const blobOf = (name: string) => {
    const blob = on.store.blobs.get(name)
    if (blob === undefined) throw new RangeError(`there is no ${name}`)
    return blob
  }
  return {
    ...chain,
    named,
    ref(seq) {
      const ref = refs[seq - 1]
      if (ref === undefined) throw new RangeError(`there is no commit ${seq}`)
      return ref
    },
    async without(...seqs) {
      const fork = forkOf(on)
      for (const seq of seqs) fork.store.blobs.delete(named(seq))
      const stream = await fork.vault.stream(owner, 'mail', never)
      return based({ on: fork, owner, stream, refs: [...refs] })
    },
    put(seq, bytes, at = new Date(0)) {
      on.store.blobs.set(named(seq), { bytes, createdAt: at })
    },
    spoil(seq, ending) {
      const folder = named(seq).replace('commit.json', '')
      const names = [...on.store.blobs.keys()].filter(
        (name) => name.startsWith(folder) && name.endsWith(ending),
      )
      if (names.length === 0) throw new RangeError(`commit ${seq} has no ${ending}`)
      for (const name of names) {
        const blob = blobOf(name)
        const bytes = Uint8Array.from(blob.bytes)
        bytes[60] = (bytes[60] ?? 0) ^ 1
        on.store.blobs.set(name, { ...blob, bytes })
      }
    },
  }
}
