/** What of an owner's blobs retention needs: from which base on, and which names. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { AppError, hasCode } from '../../model/errors.ts'
import type { PackId } from '../../model/ids.ts'
import { never } from '../testing/fixture.ts'
import type { BaseIndex, StreamReader, VaultCommit } from '../types.ts'
import { DAY_MS } from './days.ts'
import { keptBase, needsOf, oldestPoint, walkOwner } from './needs.ts'
import type { Pin, Rules } from './rules.ts'
import { ADA, BOB, numbered } from './testing/records.ts'
import { fourVersions, MAIL, type RetentionWorld, stream } from './testing/world.ts'
import { carriedBase, type WalkedStream, walkStream } from './walk.ts'

const NOW = Date.parse('2026-06-01T00:00:00.000Z')
const coded = (code: string) => (error: unknown) => hasCode(error, code)

let world: RetentionWorld
let walked: WalkedStream

before(async () => {
  world = (await fourVersions()).world
  walked = await walkStream(await world.stream(), never)
})

describe('P1: the oldest point that must be reachable', () => {
  const rules = (pins: Pin[] = [], days: number | 'forever' = 30): Rules => ({
    ...{ held: new Set(), released: new Set(), numbers: { policy: 1, hold: 0 } },
    ...{ retention: days === 'forever' ? days : { days }, pins },
  })
  /** `w`: a whole one; before the retention begins by so many ms, or after. */
  const points = (...told: [beforeMs: number, whole: 'w' | ''][]): WalkedStream => ({
    ...walked,
    points: told.map(([beforeMs, whole], n) => ({
      ...{ seq: n + 1, hash: '', complete: whole === 'w' },
      time: new Date(NOW - 30 * DAY_MS - beforeMs).toISOString(),
    })),
  })
  const pin = (seq: number, more: Partial<Pin> = {}): Pin => ({ ...MAIL, seq, ...more })

  test('is the last whole one before the retention begins, to the millisecond', () => {
    const at = (...told: Parameters<typeof points>) => oldestPoint(points(...told), rules(), NOW)
    assert.equal(at([9, 'w'], [8, 'w'], [7, ''], [-1, 'w']), 2)
    assert.equal(at([9, 'w'], [0, 'w'], [-1, 'w']), 2)
    assert.equal(at([9, 'w'], [-1, 'w']), 1)
    assert.equal(at([9, ''], [8, ''], [7, ''], [-1, 'w']), 3)
    assert.equal(at([-1, 'w']), 0)
    assert.equal(at(), 0)
  })

  test('is the first of all where everything is kept for ever', () => {
    assert.equal(oldestPoint(points([9, 'w']), rules([pin(1)], 'forever'), NOW), 0)
  })

  test('is an older one that is pinned in this stream', () => {
    const all = points([9, 'w'], [8, 'w'], [7, 'w'], [6, 'w'])
    const at = (...pins: Pin[]) => oldestPoint(all, rules(pins), NOW)
    assert.equal(at(pin(3), pin(2)), 2)
    assert.equal(at(pin(9)), 4)
    assert.equal(at(pin(1, { owner: BOB }), pin(2, { workload: 'drive' })), 4)
  })
})

describe('P1: the base from which a stream is kept', () => {
  interface Told {
    /** Seq of the commit that carries it, and of the state. */
    bases: [seq: number, asOf: number][]
    begin?: number
    /** Carriers whose bases are damaged, unproven, or none. */
    damaged?: number[]
    unproven?: number[]
    none?: number[]
  }
  const asked: number[] = []

  async function kept(
    { bases, begin = 0, damaged = [], unproven = [], none = [] }: Told,
    oldest: number,
  ) {
    const reader: StreamReader = {
      ...walked.reader,
      readCommit: async (seq) => ({ seq }) as VaultCommit,
      async base({ seq }) {
        if (damaged.includes(seq)) {
          throw new AppError({ code: 'BaseDamaged', kind: 'corrupt', message: 'x' })
        }
        const asOf = bases.find(([carrier]) => carrier === seq)?.[1] ?? 0
        return none.includes(seq) ? undefined : ({ asOf: { seq: asOf } } as BaseIndex)
      },
    }
    const last = begin > 0 ? { seq: begin, hash: '', time: '' } : undefined
    const told: WalkedStream = {
      ...walked,
      ...{ reader, beginning: { end: { last, voids: [] } } },
      bases: bases.map(([seq, asOf]) => ({ seq, asOf, hash: '' })),
    }
    asked.length = 0
    const isProven = async (_: WalkedStream, { seq }: { seq: number }) => {
      asked.push(seq)
      return !unproven.includes(seq)
    }
    return (await keptBase(told, oldest, isProven, never))?.seq
  }
  const three: [number, number][] = [
    [3, 2],
    [5, 4],
    [7, 6],
  ]

  test('is the last but one before the oldest point', async () => {
    assert.equal(await kept({ bases: three }, 7), 5)
    assert.equal(await kept({ bases: three }, 6), 3)
    assert.equal(await kept({ bases: three }, 4), undefined)
    assert.equal(await kept({ bases: [] }, 7), undefined)
  })

  test('lies after the beginning', async () => {
    assert.equal(await kept({ bases: three, begin: 2 }, 7), 5)
    assert.equal(await kept({ bases: three, begin: 4 }, 7), undefined)
  })

  test('is proven, or it is an older one that is', async () => {
    assert.equal(await kept({ bases: three, unproven: [5] }, 7), 3)
    assert.deepEqual(asked, [5, 3])
    assert.equal(await kept({ bases: three, unproven: [5, 3] }, 7), undefined)
  })

  test('has another sound one after it', async () => {
    assert.equal(await kept({ bases: three, damaged: [7] }, 7), 3)
    assert.equal(await kept({ bases: three, none: [7] }, 7), 3)
    assert.equal(await kept({ bases: three, damaged: [5] }, 7), 3)
    assert.deepEqual(asked, [3])
  })

  test("of several of one state is the first, and they are not each other's spare", async () => {
    const twice: [number, number][] = [
      [9, 4],
      [3, 2],
      [8, 2],
      [5, 4],
    ]
    assert.equal(await kept({ bases: twice }, 7), 3)
    assert.deepEqual(asked, [3])
    assert.equal(await kept({ bases: twice, unproven: [3] }, 7), 8)
    assert.equal(
      await kept(
        {
          bases: [
            [9, 2],
            [8, 2],
          ],
        },
        7,
      ),
      undefined,
    )
  })

  test('is not guessed where storage has trouble', async () => {
    const reader: StreamReader = {
      ...walked.reader,
      base: async () => {
        throw new AppError({ code: 'Busy', kind: 'transient', message: 'x' })
      },
    }
    const busy = keptBase({ ...walked, reader }, 7, async () => true, never)
    await assert.rejects(busy, coded('Busy'))
  })
})

describe('P1: the streams of an owner', () => {
  test('are all that have a commit', async () => {
    const fork = world.fork()
    await fork.commit('d', { at: stream(ADA, 'drive') })
    const { vault, keys } = fork.expirerDeps()
    const streams = await walkOwner({ vault, keys }, ADA, never)
    assert.deepEqual([...streams.keys()], ['drive', 'mail'])
    assert.deepEqual(streams.get('mail')?.points.length, 7)
    assert.deepEqual(streams.get('drive')?.reader.workload, 'drive')
  })

  test('may be none, and then no key is asked for', async () => {
    const { vault } = world.expirerDeps()
    const indexSecret = async () => assert.fail('a key is asked for')
    assert.equal((await walkOwner({ vault, keys: { indexSecret } }, BOB, never)).size, 0)
  })

  test('are of kinds that are known', async () => {
    const fork = world.fork()
    await fork.raw(`c/${ADA}/chat/${numbered(1)}/commit.json`, '{}', 'vault')
    await assert.rejects(walkOwner(fork.expirerDeps(), ADA, never), (error) => {
      assert.ok(error instanceof AppError)
      const { code, kind, context } = error
      assert.deepEqual(
        { code, kind, context },
        { code: 'WorkloadUnknown', kind: 'corrupt', context: { owner: ADA } },
      )
      return true
    })
  })
})

describe('P1: needed is', () => {
  const folder = (seq: number, workload = 'mail') => `c/${ADA}/${workload}/${numbered(seq)}/`
  const some = (ending: string) => `${'0'.repeat(64)}.${ending}`
  const all = () => world.storage.vault.names(`c/${ADA}/`)

  test('everything of a stream that is kept from its first commit on', async () => {
    const needs = await needsOf([{ walked, base: undefined }], never)
    assert.ok(world.storage.vault.names().every((name) => needs.has(name)))
    assert.ok(needs.has(`owners/${ADA}/9.json`))
    assert.ok(!needs.has(`packs/${ADA}/2026-03/${some('pk')}`))
  })

  test('of one that is kept from a base on: what comes after its state, and its parts', async () => {
    const base = await carriedBase(walked, 4, never)
    const needs = await needsOf([{ walked, base }], never)
    const needed = (ending: RegExp) => all().filter((name) => ending.test(name) && needs.has(name))
    assert.deepEqual(
      needed(/commit\.json$/),
      [4, 5, 6, 7].map((seq) => `${folder(seq)}commit.json`),
    )
    const parts = (...seqs: number[]) =>
      seqs.flatMap((seq) =>
        all().filter((name) => name.startsWith(folder(seq)) && name.endsWith('.bs')),
      )
    assert.deepEqual(needed(/\.bs$/), parts(3, 5))
    assert.deepEqual(needed(/\.bi$/).length, 2)
    assert.ok(!needs.has(folder(3) + some('bs')))
    assert.ok(!needs.has(folder(3) + some('mf')))
    assert.ok(needs.has(folder(4) + some('mf')))
  })

  test('a pack that its state or a later commit uses', async () => {
    const base = await carriedBase(walked, 4, never)
    const other = 'f'.repeat(64) as PackId
    const lastUse = new Map([...walked.lastUse, [other, 3]])
    const needs = await needsOf([{ walked: { ...walked, lastUse }, base }], never)
    assert.ok(!needs.has(`packs/${ADA}/2026-03/${other}.pk`))
    const used = [...walked.lastUse].map(([pack, seq]) => {
      const names = [`packs/${ADA}/2026-03/${pack}.pk`, `idx/${ADA}/2026-03/${pack}.ix`]
      return [seq, ...names.map((name) => needs.has(name))]
    })
    assert.deepEqual(used, [
      [1, false, false],
      [3, true, true],
      [5, true, true],
      [7, true, true],
    ])
  })

  test('a pack that another stream uses', async () => {
    const base = await carriedBase(walked, 4, never)
    const [old] = walked.lastUse.keys()
    assert.ok(old)
    const reader = { ...walked.reader, workload: 'drive' } as const
    const other = { ...walked, reader, bases: [], lastUse: new Map([[old, 1]]) }
    const needs = await needsOf(
      [
        { walked, base },
        { walked: other, base: undefined },
      ],
      never,
    )
    assert.ok(needs.has(`packs/${ADA}/2026-03/${old}.pk`))
    assert.ok(needs.has(`${folder(1, 'drive')}commit.json`))
    assert.ok(!needs.has(`${folder(1)}commit.json`))
  })

  test('every part of an older state where nobody can say which ones a later base has', async () => {
    const base = await carriedBase(walked, 4, never)
    const reader: StreamReader = {
      ...walked.reader,
      async base(commit, signal) {
        if (commit.seq !== 6) return await walked.reader.base(commit, signal)
        throw new AppError({ code: 'BaseDamaged', kind: 'corrupt', message: 'x' })
      },
    }
    const bases = [
      { seq: 2, asOf: 1, hash: '' },
      { seq: 3, asOf: 1, hash: '' },
      { seq: 6, asOf: 2, hash: '' },
    ]
    const needs = await needsOf([{ walked: { ...walked, reader, bases }, base }], never)
    assert.ok(needs.has(folder(2) + some('bs')))
    assert.ok(!needs.has(folder(2) + some('bi')))
    assert.ok(!needs.has(folder(1) + some('bs')))
    assert.ok(!needs.has(folder(3) + some('bs')))
  })

  test('what has a name that nobody knows', async () => {
    const base = await carriedBase(walked, 4, never)
    const needs = await needsOf([{ walked, base }], never)
    for (const name of [
      'format.json',
      `c/${ADA}`,
      `c/${ADA}/mail`,
      `c/${ADA}/mail/more/x`,
      `c/${ADA}/mail/1.5/x`,
      `c/${ADA}/drive/${numbered(1)}/commit.json`,
      `c/${BOB}/mail/${numbered(1)}/commit.json`,
      `packs/${ADA}/2026-03/x.pk`,
    ]) {
      assert.ok(needs.has(name), name)
    }
  })
})
