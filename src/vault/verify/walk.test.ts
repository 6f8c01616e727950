/** The way of a verification: whom it looks at, in which steps, and what there is to look at. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { before, describe, test } from 'node:test'
import type { OwnerId } from '../../model/ids.ts'
import {
  contentOf,
  forkOf,
  memoryVault,
  never,
  putEvent,
  registered,
  type TestVault,
  version,
} from '../testing/fixture.ts'
import { measure, reportOf, type VerifyProgress, verifyStart, verifyVault } from './index.ts'
import { type Position, verifyProgressSchema } from './progress.ts'
import { FULL, HASHES, namesOf, progressOf, verify } from './testing/vaults.ts'

let made: TestVault
/** In the order of their ids; the first one has nothing, the second one a commit. */
let owners: [OwnerId, OwnerId]

before(async () => {
  made = memoryVault()
  await made.vault.prepare(never)
  owners = [await registered(made.vault), await registered(made.vault)]
  owners.sort()
  const writer = (await made.vault.stream(owners[1], 'mail', never)).begin(undefined)
  const event = putEvent('m', await writer.addVersion(version('m', randomBytes(50)), never))
  await writer.commit(contentOf([event]), { complete: true }, never)
})

const depsOf = (on: TestVault) => ({ store: on.store, keys: on.keys })

function said(at: Position): string {
  const owner = 'owner' in at ? at.owner : 'after' in at ? at.after : undefined
  const who = owner === undefined ? '' : ` ${owners.indexOf(owner as OwnerId)}`
  return `${at.step}${who}${'workload' in at ? ` ${at.workload}` : ''}`
}

describe('the steps of a verification', () => {
  test('are those of each owner, in the order of their ids', async () => {
    const points = await progressOf(depsOf(made), FULL)
    const of = (n: number) => [
      ...[`chain ${n} mail`, `bases ${n} mail`, `bases ${n} drive`, `packs ${n}`],
      ...[`versions ${n}`, `items ${n} mail`, `next ${n}`],
    ]
    const steps = points.map(({ at }) => said(at)).filter((s, n, all) => s !== all[n - 1])
    assert.deepEqual(steps, ['start', 'next', ...of(0), ...of(1), 'done'])
  })

  test('count an owner when it is done, and end with what was counted', async () => {
    const points = await progressOf(depsOf(made), FULL)
    const counted = (n: number) =>
      points.find(({ at }) => at.step === 'next' && at.after === owners[n])?.counts.owners
    assert.deepEqual([counted(0), counted(1)], [1, 2])
    assert.ok(points.slice(1, -1).every(({ at }) => at.step !== 'done' && at.step !== 'start'))
    assert.equal(points.at(-1)?.at.step, 'done')
  })

  for (const who of ['all', 'one']) {
    test(`are gone on with from any of them, to the same end: of ${who}`, async () => {
      const plan = who === 'all' ? FULL : { ...FULL, owner: owners[1] }
      const points = await progressOf(depsOf(made), plan)
      const whole = points.at(-1)
      for (const [n, point] of points.entries()) {
        const kept = verifyProgressSchema.parse(JSON.parse(JSON.stringify(point)))
        assert.deepEqual(kept, point)
        const told: VerifyProgress[] = []
        const onProgress = (progress: VerifyProgress) => void told.push(progress)
        const end = await verifyVault(depsOf(made), kept, { onProgress }, never)
        assert.deepEqual(end, whole, said(point.at))
        // Nothing is done again; what begins a step may be told once more.
        const left = points.length - 1 - n
        assert.ok(told.length >= left && told.length <= left + 1, said(point.at))
      }
    })
  }

  test('are none after the last one', async () => {
    const end = await verifyVault(depsOf(made), verifyStart(FULL), {}, never)
    const told: VerifyProgress[] = []
    const onProgress = (progress: VerifyProgress) => void told.push(progress)
    const again = await verifyVault(depsOf(memoryVault()), end, { onProgress }, never)
    assert.deepEqual([again, told], [end, []])
  })

  test('wait for who is told of them', async () => {
    let open = 0
    const onProgress = async () => {
      open += 1
      await new Promise((resolve) => setImmediate(resolve))
      open -= 1
      assert.equal(open, 0)
    }
    await verifyVault(depsOf(made), verifyStart(HASHES), { onProgress }, never)
    const failing = async () => {
      throw new Error('the disk is full')
    }
    const run = verifyVault(depsOf(made), verifyStart(HASHES), { onProgress: failing }, never)
    await assert.rejects(run, /the disk is full/)
  })

  test('are those of one owner, where one is asked for', async () => {
    const points = await progressOf(depsOf(made), { ...FULL, owner: owners[1] })
    assert.ok(points.every(({ at }) => !('owner' in at) || at.owner === owners[1]))
    const report = reportOf(points.at(-1) ?? assert.fail('there is a last one'))
    assert.deepEqual([report.counts.owners, report.outcome], [1, 'verified'])
  })
})

describe('whose blobs lie in a vault', () => {
  test('is said by any blob: an owner without a record is looked at', async () => {
    const on = forkOf(made)
    on.store.blobs.delete(`owners/${owners[1]}/1.json`)
    const { counts, findings } = await verify(depsOf(on))
    assert.equal(counts.owners, 2)
    assert.deepEqual(
      findings.map(({ code, owner }) => [code, owner]),
      [['OwnerRecordMissing', owners[1]]],
    )
  })

  test('is nobody where names are not those of Holdfast, which is told of once', async () => {
    const on = forkOf(made)
    for (const name of ['a.txt', 'packs/b', 'owners/c/1.json', 'format.json.bak']) {
      await on.store.create(name, randomBytes(3), never)
    }
    const points = await progressOf(depsOf(on), HASHES)
    const last = points.at(-1) ?? assert.fail('there is a last one')
    assert.deepEqual(
      reportOf(last).findings.map(({ code, count }) => [code, count]),
      [['ForeignBlobs', 4]],
    )
    for (const point of points.slice(1)) {
      const end = await verifyVault(depsOf(on), point, {}, never)
      assert.deepEqual(reportOf(end).found, { ForeignBlobs: 1 })
    }
    const one = await verify(depsOf(on), { ...HASHES, owner: owners[1] })
    assert.deepEqual(one.findings, [], 'who asks for one owner does not ask for strangers')
  })

  test('and a vault says which format it has', async () => {
    const on = forkOf(made)
    on.store.blobs.delete('format.json')
    const points = await progressOf(depsOf(on), HASHES)
    const report = reportOf(points.at(-1) ?? assert.fail('there is a last one'))
    assert.deepEqual(
      report.findings.map(({ code, blob }) => [code, blob]),
      [['FormatMissing', 'format.json']],
    )
    const other = forkOf(made)
    other.store.blobs.set('format.json', {
      bytes: Buffer.from('{"holdfast":9}'),
      createdAt: new Date(),
    })
    await assert.rejects(verify(depsOf(other)), { code: 'FormatUnknown' })
  })
})

test('what there is to verify is told by names alone, for all and for one', async () => {
  const on = forkOf(made)
  await on.store.create('a.txt', randomBytes(3), never)
  const packs = namesOf(on, /^packs\//)
  const packBytes = packs.reduce(
    (sum, name) => sum + (on.store.blobs.get(name)?.bytes.length ?? 0),
    0,
  )
  assert.ok(packs.length > 0)
  assert.deepEqual(await measure(on, undefined, never), {
    blobs: on.store.blobs.size,
    packs: packs.length,
    packBytes,
  })
  const theirs = namesOf(on, new RegExp(owners[1])).filter((name) => !name.startsWith('idx/'))
  assert.deepEqual(await measure(on, owners[1], never), {
    blobs: theirs.length,
    packs: packs.length,
    packBytes,
  })
  assert.deepEqual(await measure(on, owners[0], never), { blobs: 1, packs: 0, packBytes: 0 })
})
