/** A stream as retention needs to know it; what cannot be read is thrown. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import type { PackId } from '../../model/ids.ts'
import { never, putEvent } from '../testing/fixture.ts'
import type { BasePart, ChainStep, StateLine, StreamReader, VaultCommit } from '../types.ts'
import { ADA } from './testing/records.ts'
import { fourVersions, type Names, type RetentionWorld } from './testing/world.ts'
import { carriedBase, packsOfBase, walkStream } from './walk.ts'

let world: RetentionWorld
let names: Names
let reader: StreamReader
let first: VaultCommit

before(async () => {
  const made = await fourVersions()
  world = made.world
  names = made.names
  reader = await world.stream()
  const commit = await reader.readCommit(1, never)
  assert.ok(commit)
  first = commit
})

const packIn = (of: readonly string[] = []) =>
  (of.find((name) => name.endsWith('.pk')) ?? '').slice(-67, -3) as PackId
const pack = (digit: string) => digit.repeat(64) as PackId
const representation = (of: PackId) => {
  const [like] = first.events.flatMap((event) => (event.op === 'put' ? event.representations : []))
  assert.ok(like)
  return { ...like, segments: like.segments.map((segment) => ({ ...segment, pack: of })) }
}
const progress = (of: PackId) => {
  const marker = { content: '', decoration: '', change: '' }
  return { marker, position: { offset: 0, state: '' }, content: representation(of) }
}

/** A stream with these steps, and with these names of commits. */
function scripted(steps: readonly ChainStep[], seqs: readonly number[]): StreamReader {
  let at = 0
  return {
    ...reader,
    async *baseSeqs() {},
    async next() {
      at += 1
      return steps[at - 1]
    },
    commitBlobs: async () => seqs.map((seq) => ({ seq, createdAt: new Date(seq) })),
  }
}

const step = (seq: number, more: Partial<VaultCommit> = {}): ChainStep => ({
  is: 'commit',
  commit: { ...first, seq, packs: [], events: [], ...more },
})
const passed = (seq: number): ChainStep => ({ is: 'void', passed: { seq, sha256: '' } })

describe('P1: a walk over a stream', () => {
  test('tells every point, every base, and the last use of every pack', async () => {
    const { points, bases, lastUse, beginning } = await walkStream(reader, never)
    const refs = world.refs()
    assert.deepEqual(
      points,
      refs.map((ref) => ({ ...ref, complete: ref.seq % 2 === 1 })),
    )
    assert.deepEqual(
      bases,
      [1, 3, 5].map((asOf) => ({ seq: asOf + 1, asOf, hash: refs[asOf - 1]?.hash })),
    )
    assert.deepEqual(
      [...lastUse],
      [1, 3, 5, 7].map((seq) => [packIn(names[seq]), seq]),
    )
    assert.equal(beginning.base, undefined)
  })

  test('knows the packs of versions, of content on its way, and of what no event names', async () => {
    const ledger = { op: 'ledger', kind: 'item', item: first.events[0]?.item } as const
    const events = [
      putEvent('a', [representation(pack('a'))]),
      { ...ledger, progress: progress(pack('b')) },
      { ...ledger },
      { op: 'deleted' },
    ] as VaultCommit['events']
    const packs = [pack('c'), pack('d')].map((id) => ({ id, bytes: 1, createdAt: '', added: true }))
    const again = [putEvent('a', [representation(pack('c'))])]
    const steps = [step(1, { packs, events }), step(2, { events: again })]
    const { lastUse } = await walkStream(scripted(steps, [1, 2]), never)
    assert.deepEqual(Object.fromEntries(lastUse), {
      [pack('a')]: 1,
      [pack('b')]: 1,
      [pack('c')]: 2,
      [pack('d')]: 1,
    })
  })

  test('passes what is void', async () => {
    const { points } = await walkStream(scripted([step(1), passed(2), step(3)], [1, 2, 3]), never)
    assert.deepEqual(
      points.map(({ seq }) => seq),
      [1, 3],
    )
  })

  test('ends at what is damaged', async () => {
    const cause = new AppError({ code: 'CommitDamaged', kind: 'corrupt', message: 'x' })
    const damaged = { is: 'damaged', cause, ref: { seq: 2, hash: '', time: '' } } as const
    await assert.rejects(walkStream(scripted([step(1), damaged], [1, 2]), never), cause)
  })

  test('goes to the end, after which the next commit may have come, and no later one', async () => {
    const gap = (missing: number) => (error: unknown) => {
      assert.ok(error instanceof AppError)
      const { code, kind, context } = error
      const said = { owner: ADA, workload: 'mail', missing }
      assert.deepEqual(
        { code, kind, context },
        { code: 'ChainGap', kind: 'corrupt', context: said },
      )
      return true
    }
    const walk = (steps: readonly ChainStep[], seqs: readonly number[]) =>
      walkStream(scripted(steps, seqs), never)
    const two = [step(1), passed(2)]
    await walk([], [])
    await walk([], [1])
    await assert.rejects(walk([], [2]), gap(1))
    await walk(two, [1, 2])
    await walk(two, [1, 2, 3])
    await assert.rejects(walk(two, [1, 2, 4]), gap(3))
  })
})

describe('P1: a base', () => {
  test('is read where a commit carries one', async () => {
    const walked = await walkStream(reader, never)
    const base = await carriedBase(walked, 2, never)
    assert.deepEqual([base?.seq, base?.index.asOf], [2, world.refs()[0]])
    assert.equal(await carriedBase(walked, 1, never), undefined)
    assert.equal(await carriedBase(walked, 99, never), undefined)
  })

  test('uses the packs of its items and of content on its way', async () => {
    const walked = await walkStream(reader, never)
    const base = await carriedBase(walked, 4, never)
    assert.ok(base)
    assert.deepEqual([...(await packsOfBase(reader, base, never))], [packIn(names[3])])
    const item = { is: 'item', representations: [representation(pack('a'))] }
    const entry = (more: object) => ({ is: 'entry', event: { op: 'ledger', ...more } })
    const lines = [item, entry({ progress: progress(pack('b')) }), entry({}), { is: 'cursor' }]
    const asked: BasePart[] = []
    const told: StreamReader = {
      ...reader,
      async readBasePart(_, part) {
        asked.push(part)
        return lines as StateLine[]
      },
    }
    assert.deepEqual([...(await packsOfBase(told, base, never))], [pack('a'), pack('b')])
    assert.deepEqual(
      asked,
      base.index.parts.filter(({ holds }) => holds === 'state'),
    )
    assert.ok(asked.length < base.index.parts.length)
  })
})
