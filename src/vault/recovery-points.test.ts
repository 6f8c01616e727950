/** Points in time, from blobs alone. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { AppError, hasCode } from '../model/errors.ts'
import type { CommitRef } from '../model/events.ts'
import type { OwnerId } from '../model/ids.ts'
import { commitName } from './names.ts'
import { pointAt, recoveryPoints } from './recovery-points.ts'
import {
  collect,
  contentOf,
  forkOf,
  memoryVault,
  never,
  registered,
  type TestVault,
} from './testing/fixture.ts'
import { baseOf } from './testing/states.ts'

const MINUTE_MS = 60_000
/** The state after the fourth commit is restated by the sixth. */
const [AS_OF, CARRIER, COUNT] = [4, 6, 8]

let made: TestVault
let owner: OwnerId
let refs: CommitRef[]

before(async () => {
  made = memoryVault()
  await made.vault.prepare(never)
  owner = await registered(made.vault)
  const stream = await made.vault.stream(owner, 'mail', never)
  refs = []
  for (let seq = 1; seq <= COUNT; seq += 1) {
    made.clock.advance(10 * MINUTE_MS)
    const base = seq === CARRIER ? await baseOf(stream, refOf(AS_OF)) : undefined
    const options = { complete: seq % 2 === 0, ...(base && { base }) }
    const result = await stream.begin(refs.at(-1)).commit(contentOf([]), options, never)
    assert.ok(result.outcome === 'committed')
    const { hash, time } = result.commit
    refs.push({ seq, hash, time })
  }
})

const refOf = (seq: number): CommitRef => refs[seq - 1] ?? assert.fail(`no commit ${seq}`)
const nameOf = (seq: number) => commitName({ owner, workload: 'mail' }, seq)
const gap = (error: unknown) => hasCode(error, 'ChainGap')

/** One without these commits, and with garbage in place of those. */
async function mail(change: { without?: number[]; garbage?: number[]; base?: boolean } = {}) {
  const on = forkOf(made)
  for (const seq of change.without ?? []) on.store.blobs.delete(nameOf(seq))
  for (const seq of change.garbage ?? []) {
    on.store.blobs.set(nameOf(seq), { bytes: Buffer.from('{}'), createdAt: new Date(0) })
  }
  if (change.base === false) {
    for (const name of on.store.blobs.keys()) if (name.endsWith('.bi')) on.store.blobs.delete(name)
  }
  const reads: number[] = []
  const vault = await on.vault.stream(owner, 'mail', never)
  const readCommit: typeof vault.readCommit = (seq, ...rest) => {
    reads.push(seq)
    return vault.readCommit(seq, ...rest)
  }
  return { on, stream: { ...vault, readCommit }, reads }
}

const later = (seq: number, ms: number) => new Date(Date.parse(refOf(seq).time) + ms).toISOString()

describe('the points of a stream', () => {
  test('are its commits, the oldest first, and whether a round ended there', async () => {
    const { stream } = await mail()
    assert.deepEqual(
      await collect(recoveryPoints(stream, never)),
      refs.map((ref) => ({ ...ref, complete: ref.seq % 2 === 0 })),
    )
  })

  test('begin at a base where the first commits have expired', async () => {
    const { stream } = await mail({ without: [1, 2, 3, 4] })
    const points = await collect(recoveryPoints(stream, never))
    assert.deepEqual(
      points.map(({ seq }) => seq),
      [5, 6, 7, 8],
    )
  })

  test('end with an error where later ones are behind a gap, and with none at the next one', async () => {
    const { stream } = await mail({ without: [7] })
    const seen: number[] = []
    const walk = async () => {
      for await (const { seq } of recoveryPoints(stream, never)) seen.push(seq)
    }
    await assert.rejects(walk(), (error) => {
      assert.ok(error instanceof AppError && gap(error))
      const { missing, seq, until } = error.context
      assert.deepEqual([missing, seq, until], [7, 8, refOf(6).time])
      assert.match(error.hint ?? '', new RegExp(`everything up to ${refOf(6).time}`))
      return true
    })
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6])
    // It may have been written since the walk was there.
    const growing = {
      ...stream,
      seqs: async function* () {
        yield* [1, 2, 3, 4, 5, 6, 7]
      },
    }
    assert.equal((await collect(recoveryPoints(growing, never))).length, 6)
  })

  test('of which the first is missing are said to be so, without a time to ask for', async () => {
    const { stream } = await mail({ without: [1], base: false })
    await assert.rejects(collect(recoveryPoints(stream, never)), (error) => {
      assert.ok(error instanceof AppError && gap(error))
      assert.deepEqual([error.context['missing'], error.context['until']], [1, ''])
      assert.doesNotMatch(error.hint ?? '', /everything up to/)
      return true
    })
  })
})

describe('the point at a time', () => {
  test('is the newest that is not later', async () => {
    const { stream } = await mail()
    for (const { seq } of refs) {
      assert.deepEqual(await pointAt(stream, refOf(seq).time, never), refOf(seq), `${seq}`)
      assert.deepEqual(await pointAt(stream, later(seq, 1), never), refOf(seq), `after ${seq}`)
      const earlier = await pointAt(stream, later(seq, -1), never)
      assert.deepEqual(earlier, seq === 1 ? undefined : refOf(seq - 1), `before ${seq}`)
    }
    assert.deepEqual(await pointAt(stream, undefined, never), refOf(COUNT))
  })

  test('is found from the newest base that is not later: what is before it is not read', async () => {
    const { stream, reads } = await mail()
    await pointAt(stream, undefined, never)
    assert.ok(reads.every((seq) => seq > AS_OF))
    // Whose base is later begins with the first commit.
    assert.deepEqual(await pointAt(stream, refOf(3).time, never), refOf(3))
  })

  test('is the state that a base restates, where nothing later is asked for', async () => {
    const { stream } = await mail({ without: [1, 2, 3, 4] })
    assert.deepEqual(await pointAt(stream, refOf(AS_OF).time, never), refOf(AS_OF))
    assert.equal(await pointAt(stream, later(AS_OF, -1), never), undefined)
    assert.deepEqual(await pointAt(stream, undefined, never), refOf(COUNT))
  })

  test('is found by the commits where the base is damaged', async () => {
    const { on, stream } = await mail()
    for (const [name, blob] of on.store.blobs) {
      if (!name.endsWith('.bi')) continue
      on.store.blobs.set(name, { ...blob, bytes: Buffer.from('garbage') })
    }
    assert.deepEqual(await pointAt(stream, undefined, never), refOf(COUNT))
    const silent = {
      ...stream,
      base: async () => {
        throw new AppError({ code: 'StorageUnavailable', kind: 'transient', message: 'planned' })
      },
    }
    await assert.rejects(pointAt(silent, undefined, never), { code: 'StorageUnavailable' })
  })

  test('is not guessed where a missing commit hides whether there is a newer one', async () => {
    const { stream } = await mail({ without: [7] })
    await assert.rejects(pointAt(stream, undefined, never), gap)
    await assert.rejects(pointAt(stream, refOf(8).time, never), gap)
    assert.deepEqual(await pointAt(stream, refOf(5).time, never), refOf(5))
  })

  test('passes garbage at the end, which is no commit', async () => {
    const { stream } = await mail({ garbage: [8] })
    assert.deepEqual(await pointAt(stream, undefined, never), refOf(7))
  })
})
