import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { ScriptedDrive } from '../../capture/testing/scripted-drive.ts'
import { ScriptedMailbox } from '../../capture/testing/scripted-mailbox.ts'
import { captureWorld } from '../../capture/testing/world.ts'
import type { Representation } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
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
import { reportOf, verifyStart, verifyVault } from './index.ts'
import { FINDINGS_NAMED_MAX, verifyProgressSchema } from './progress.ts'
import { DAMAGES, one, sha256 } from './testing/damages.ts'
import {
  change,
  codesOf,
  FULL,
  flipped,
  HASHES,
  namesOf,
  type OwnedVault,
  ownedVault,
  progressOf,
  verify,
} from './testing/vaults.ts'

const MIB = 1024 * 1024
const LONG_PIECE_BYTES = 1000
const id = (text: string) => text as GraphId
const depsOf = ({ store, keys }: TestVault) => ({ store, keys })

let made: OwnedVault
before(async () => {
  made = await ownedVault()
})

/** One of its own. */
const aVault = (): OwnedVault => ({ ...made, on: forkOf(made.on) })

async function mailWorld() {
  const box = new ScriptedMailbox()
  box.createContainer(id('inbox'), 'Inbox')
  box.createContainer(id('old'), 'Old')
  for (const name of 'abcdefgh') box.put(id(name), { container: id('inbox'), content: name })
  const world = await captureWorld(box, { shardItems: 3, baseCommits: 4, commitEvents: 3 })
  await world.untilDone()
  for (const day of [1, 2, 3, 4]) {
    world.clock.advance(86_400_000)
    box.put(id('a'), { container: id(day % 2 === 0 ? 'inbox' : 'old'), content: `day ${day}` })
    box.put(id(`n${day}`), { container: id('inbox'), content: `new ${day}` })
    box.remove(id('bcde'[day] ?? ''))
    await world.untilDone()
  }
  return world
}

/** Content that was captured in several commits, each of which extends it, and a short item. */
async function longVault() {
  const on = memoryVault(4 * LONG_PIECE_BYTES)
  const mail = await on.vault.stream(await registered(on.vault), 'mail', never)
  const writer = mail.begin(undefined)
  let content: Representation | undefined
  for (let n = 0; n < 9; n += 1) {
    const bytes = randomBytes(LONG_PIECE_BYTES)
    content = await writer.extend(content, { name: 'content', bytes }, never)
  }
  assert.ok(content)
  const events = [
    putEvent('long', await writer.addVersion({ ...version('long'), carried: [content] }, never)),
    putEvent('short', await writer.addVersion(version('short', randomBytes(20)), never)),
  ]
  const result = await writer.commit(contentOf(events), { complete: true }, never)
  assert.ok(result.outcome === 'committed')
  return { on, content }
}

/** In its body. */
function spoilSegment(on: TestVault, ref: Representation['segments'][number] | undefined): void {
  assert.ok(ref)
  const [name = ''] = namesOf(on, new RegExp(`${ref.pack}\\.pk$`))
  change(on, name, flipped(ref.offset + ref.sealedBytes - 20))
}

async function driveWorld() {
  const box = new ScriptedDrive()
  box.createDrive(id('d'))
  box.earlierVersions = 2
  box.put(id('d/top'), { name: 'Top', parent: id('d') })
  box.put(id('d/f'), { name: 'f.txt', content: 'first', parent: id('d/top') })
  box.put(id('d/empty'), { name: 'empty', content: '', parent: id('d'), sharing: 'all' })
  box.longFrom = 200
  box.put(id('d/long'), { name: 'long', content: 'x'.repeat(1000), parent: id('d/top') })
  const world = await captureWorld(box, { pieceBytes: 64, packBytes: 256 })
  await world.untilDone()
  world.clock.advance(86_400_000)
  box.put(id('d/f'), { content: 'second' })
  box.put(id('d/top'), { name: 'Renamed' })
  await world.untilDone()
  return world
}

describe('a vault in order', () => {
  test('of mail is verified: every segment was opened, every item put together', async () => {
    const { blobs: store, keys } = await mailWorld()
    const report = await verify({ store, keys })
    assert.deepEqual(report.findings, [])
    assert.equal(report.outcome, 'verified')
    const { commits, bases, opened, segments, items, packs } = report.counts
    assert.ok(commits > 6 && bases >= 2 && packs > 3 && items > 5)
    assert.equal(opened, segments)
  })

  test('of files is verified, with long content, earlier versions and permissions', async () => {
    const { blobs: store, keys } = await driveWorld()
    const report = await verify({ store, keys })
    assert.deepEqual(report.findings, [])
    assert.equal(report.outcome, 'verified')
  })

  test('with packs of many pieces is verified, though the room for pieces is used again', async () => {
    const on = memoryVault(32 * MIB)
    await on.vault.prepare(never)
    const stream = await on.vault.stream(await registered(on.vault), 'mail', never)
    const writer = stream.begin(undefined)
    // A segment over three pieces, segments within one, and one that compresses.
    const contents = [randomBytes(10 * MIB), randomBytes(2 * MIB), Buffer.alloc(9 * MIB, 'text')]
    const events = []
    for (const [n, content] of contents.entries()) {
      events.push(putEvent(`${n}`, await writer.addVersion(version(`${n}`, content), never)))
    }
    await writer.commit(contentOf(events), { complete: true }, never)
    const report = await verify(depsOf(on))
    assert.deepEqual([report.findings, report.outcome], [[], 'verified'])
    assert.ok(report.counts.packs === 1 && report.counts.packBytes > 12 * MIB)
    assert.ok(report.counts.itemBytes > 21 * MIB)
  })

  test('is not called verified where nothing, or not everything, was opened (P10)', async () => {
    const { on } = aVault()
    const hashes = await verify(depsOf(on), HASHES)
    assert.deepEqual([hashes.findings, hashes.outcome], [[], 'hashes'])
    assert.equal(hashes.counts.opened, 0)
    const sample = await verify(depsOf(on), { openPercent: 40, seed: 'x' })
    assert.deepEqual([sample.findings, sample.outcome], [[], 'sampled'])
    const { opened, segments, items } = sample.counts
    assert.ok(opened > 0 && opened < segments && items > 0)
    const again = await verify(depsOf(on), { openPercent: 40, seed: 'x' })
    assert.deepEqual(again.counts, sample.counts, 'one seed is one sample')
    const keyless = await verify({ store: on.store }, HASHES)
    assert.deepEqual([keyless.findings, keyless.outcome], [[], 'hashes'])
    assert.equal(keyless.counts.commits, hashes.counts.commits)
    assert.equal((await verify(depsOf(memoryVault()), HASHES)).outcome, 'findings')
  })

  test('needs no right to open where hashes are checked, and says so where it does', async () => {
    const { on, owner } = aVault()
    on.keys.mayUnwrap = false
    assert.deepEqual((await verify(depsOf(on), HASHES)).findings, [])
    const full = await verify(depsOf(on), { ...FULL, owner })
    assert.deepEqual(codesOf(full), ['KeyDenied'])
    assert.equal(full.counts.opened, 0)
    assert.equal(full.counts.owners, 1)
  })
})

describe('damage is found and named', () => {
  for (const [name, damage] of Object.entries(DAMAGES)) {
    test(name, async () => {
      const vault = aVault()
      await damage.spoil(vault)
      const report = await verify(depsOf(vault.on))
      for (const code of damage.codes) {
        assert.ok(codesOf(report).includes(code), `${code} in ${codesOf(report)}`)
      }
      const [grave] = report.findings.filter(({ code }) => code === damage.codes[0])
      assert.ok(grave)
      const { seq, blob, check } = damage.at ?? {}
      const same = report.findings.filter(({ code }) => code === damage.codes.at(0))
      if (seq !== undefined) assert.equal(grave.seq, seq)
      if (blob)
        assert.ok(
          same.some((f) => blob.test(f.blob ?? '')),
          JSON.stringify(same),
        )
      if (check)
        assert.ok(
          same.some((f) => check.test(f.check ?? '')),
          JSON.stringify(same),
        )
      assert.ok(report.findings.every((f) => f.severity === 'notice' || f.owner === vault.owner))
      assert.equal(report.outcome, 'findings')
      const hashes = await verify(depsOf(vault.on), HASHES)
      assert.deepEqual(codesOf(hashes), [...damage.hashes].sort())
    })
  }

  test('the index secret of somebody else is told from the right one', async () => {
    const { on, owner } = aVault()
    const keys = { ...on.keys, indexSecret: async () => randomBytes(32) }
    const report = await verify({ store: on.store, keys }, { ...FULL, owner })
    assert.ok(codesOf(report).includes('IndexSecretDiffers'))
  })

  test('blobs of strangers are counted, without their names', async () => {
    const { on } = aVault()
    await on.store.create('packs/Letter to Ada.docx', randomBytes(3), never)
    const report = await verify(depsOf(on))
    assert.equal(report.outcome, 'verified')
    assert.deepEqual(
      report.findings.map(({ code, count }) => [code, count]),
      [['ForeignBlobs', 1]],
    )
    assert.ok(!JSON.stringify(report).includes('Ada'))
  })

  test('a void commit that the next one passes, and a pack left behind, are no damage', async () => {
    const { on, owner } = aVault()
    const stream = await on.vault.stream(owner, 'mail', never)
    const end = await stream.readCommit(5, never)
    const garbage = Buffer.from('{"holdfast":1}')
    await on.store.create(`c/${owner}/mail/0000000006/commit.json`, garbage, never)
    const voids = [{ seq: 6, sha256: sha256(garbage) }]
    await stream.begin(end, voids).commit(contentOf([]), { complete: true }, never)
    const left = stream.begin(end)
    on.store.beforeCreate = async (name) => {
      if (name.startsWith('c/')) throw new Error('the process dies')
    }
    const lost = { item: id('lost'), kind: 'item', container: id('i'), workload: 'mail' } as const
    await left.addVersion({ ...lost, json: {}, parts: [], carried: [] }, never)
    await assert.rejects(left.commit(contentOf([]), { complete: true }, never))
    on.store.beforeCreate = undefined
    const report = await verify(depsOf(on))
    assert.equal(report.outcome, 'verified')
    assert.deepEqual(report.findings.map(({ code, seq }) => [code, seq]).sort(), [
      ['CommitVoidPassed', 6],
      ['PackUnnamed', undefined],
    ])
  })

  test('a chain whose beginning is gone is read from its base on, and that is said', async () => {
    const { on, owner } = aVault()
    for (const name of namesOf(on, new RegExp(`^c/${owner}/mail/000000000[123]/`))) {
      on.store.blobs.delete(name)
    }
    const report = await verify(depsOf(on))
    assert.deepEqual(codesOf(report), ['ChainBeginsAtBase'])
    assert.deepEqual(report.found, { ChainBeginsAtBase: 1, BaseUnproven: 1 })
    assert.ok(report.counts.items > 5)
  })

  test('of a great many only the first are named, and all are counted', async () => {
    const on = memoryVault()
    await on.vault.prepare(never)
    const owner = await registered(on.vault)
    const count = FINDINGS_NAMED_MAX + 20
    for (let n = 0; n < count; n += 1) {
      const name = `packs/${owner}/2026-03/${n.toString(16).padStart(64, '0')}.pk`
      await on.store.create(name, new Uint8Array(0), never)
    }
    const report = await verify(depsOf(on), HASHES)
    assert.equal(report.findings.length, FINDINGS_NAMED_MAX)
    assert.equal(report.found.PackUnnamed, count)
  })
})

test('any flipped bit anywhere is found, or is in nothing that counts', async () => {
  const vault = aVault()
  const { on } = vault
  const names = [...on.store.blobs.keys()].filter((name) => name !== 'format.json').sort()
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(), fc.nat(7), async (which, place, bit) => {
      const name = names[which % names.length] ?? ''
      const kept = on.store.blobs.get(name)
      assert.ok(kept)
      change(on, name, (bytes) => {
        const at = place % bytes.length
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
        return bytes
      })
      const report = await verify(depsOf(on), HASHES)
      assert.equal(report.outcome, 'findings', `${name} at ${place}`)
      const owner = name.split('/')[1]
      assert.ok(report.findings.some((f) => f.owner === owner))
      on.store.blobs.set(name, kept)
    }),
    { numRuns: 60 },
  )
})

describe('a verification that was stopped', () => {
  test('ends in the same report from wherever it goes on', async () => {
    const vault = aVault()
    for (const name of [
      'a flipped bit in the content of a pack',
      'a second owner record that does not chain',
    ]) {
      await DAMAGES[name]?.spoil(vault)
    }
    vault.on.store.blobs.delete(one(vault, '0000000002/.*\\.mf'))
    for (const plan of [FULL, { openPercent: 50, seed: 'y' }]) {
      const points = await progressOf(depsOf(vault.on), plan)
      const whole = reportOf(points.at(-1) ?? assert.fail('there is a last one'))
      assert.ok(points.length > 15 && whole.findings.length > 3)
      for (const point of points) {
        const parsed = verifyProgressSchema.parse(JSON.parse(JSON.stringify(point)))
        const end = await verifyVault(depsOf(vault.on), parsed, {}, never)
        assert.deepEqual(reportOf(end), whole, JSON.stringify(point.at))
      }
    }
  })

  test('ends in the same report from amid content that takes several steps', async () => {
    const { on, content } = await longVault()
    const deps = depsOf(on)
    const counts = reportOf(await verifyVault(deps, verifyStart(FULL), {}, never)).counts
    assert.deepEqual([counts.items, counts.opened], [2, counts.segments])
    for (const isSpoilt of [false, true]) {
      if (isSpoilt) spoilSegment(on, content.segments[3])
      const points = await progressOf(deps, FULL, { everyBytes: LONG_PIECE_BYTES })
      const whole = reportOf(points.at(-1) ?? assert.fail('there is a last one'))
      const amid = points.filter(({ at }) => at.step === 'items' && at.within?.offset)
      assert.equal(amid.length, isSpoilt ? 3 : content.segments.length)
      assert.equal(whole.counts.items, isSpoilt ? 1 : 2)
      for (const point of points) {
        const parsed = verifyProgressSchema.parse(JSON.parse(JSON.stringify(point)))
        const end = await verifyVault(deps, parsed, { everyBytes: LONG_PIECE_BYTES }, never)
        assert.deepEqual(reportOf(end), whole, JSON.stringify(point.at))
      }
      const inOne = await verifyVault(deps, verifyStart(FULL), {}, never)
      assert.deepEqual(reportOf(inOne), whole, 'and however often it tells of it')
    }
  })

  test('ends in the same report over worlds of several shards and bases', async () => {
    for (const { blobs: store, keys } of [await mailWorld(), await driveWorld()]) {
      const points = await progressOf({ store, keys }, FULL)
      const whole = reportOf(points.at(-1) ?? assert.fail('there is a last one'))
      for (const point of points.filter((_, n) => n % 3 === 0)) {
        const end = await verifyVault({ store, keys }, point, {}, never)
        assert.deepEqual(reportOf(end), whole, JSON.stringify(point.at))
      }
    }
  })

  test('by its signal throws the reason; what was told before is where to go on from', async () => {
    const { on } = aVault()
    const stop = new AbortController()
    const reason = new Error('enough')
    let kept = 0
    const run = verifyVault(
      depsOf(on),
      verifyStart(FULL),
      {
        onProgress() {
          kept += 1
          if (kept === 5) stop.abort(reason)
        },
      },
      stop.signal,
    )
    await assert.rejects(run, reason)
    assert.equal(kept, 5)
  })
})
