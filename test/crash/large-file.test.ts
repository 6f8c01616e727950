/**
 * P4: a crash anywhere is harmless, also while a large file is captured or restored. The worker is
 * killed in the middle of either, again and again: what was committed, and what SharePoint took, is
 * never read or sent again, and the file is right afterwards.
 *
 * Continuous integration has a file of 64 MiB, HOLDFAST_CRASH_RUNS (npm run test:crash) one of 1 GiB.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { UNLESS_MORE } from '../level.ts'
import { jobIs, readChain, runToEnd } from './follow.ts'
import type { Held, HoldRule } from './holding-proxy.ts'
import { Rig } from './rig.ts'

const IS_LONG = process.env['HOLDFAST_CRASH_RUNS'] !== undefined
const MIB = 1024 * 1024
const SIZE = (IS_LONG ? 1024 : 64) * MIB
/** What one commit may be ahead of the one before: a pack, and the pieces that closed it. */
const STEP_MAX = 48 * MIB
const UPLOAD_PIECE = 10 * MIB
const PATH = 'Films/large.bin'

const isPack: HoldRule['match'] = ({ method, url }) =>
  method === 'PUT' && url.includes('/vault/packs/')
const isCommit: HoldRule['match'] = ({ method, url }) =>
  method === 'PUT' && url.includes('/drive/') && url.includes('/commit.json')

interface CaptureKill extends HoldRule {
  name: string
  skip: number
  /** Only where the file has come further than it was. */
  saysHowFar?: true
}

/** One after another; each is the next such call from the death before on. */
const CAPTURE_KILLS: readonly CaptureKill[] = [
  { name: 'before a pack', when: 'before', match: isPack, skip: 1 },
  // Where the death met the slice decides how many commits come before one that says how far it is.
  { name: 'between commit and rows', when: 'after', match: isCommit, skip: 0, saysHowFar: true },
  ...(IS_LONG
    ? [
        { name: 'between pack and commit', when: 'before' as const, match: isCommit, skip: 3 },
        { name: 'after a pack', when: 'after' as const, match: isPack, skip: 5 },
        { name: 'far on', when: 'before' as const, match: isPack, skip: 8 },
      ]
    : []),
]
const DEATHS_IN_A_ROW = 2
/** Pieces of an upload, counted from the death before. */
const UPLOAD_KILLS: readonly number[] = IS_LONG ? [1, 2, 20, 5, 30] : [3]

describe('P4: kills amid a large file', {
  ...UNLESS_MORE,
  timeout: IS_LONG ? 1_200_000 : 420_000,
}, () => {
  let rig: Rig
  let drive: string
  let item: string
  let resource: string

  before(async () => {
    rig = await Rig.start()
    // The mailbox has nothing to tell afterwards.
    await runToEnd(rig, await rig.api.startRun())
    const site = await rig.control.createSite({ path: '/sites/films' })
    drive = site.drive
    const generated = { seed: 9, size: SIZE }
    item = (await rig.control.putFile({ drive, path: PATH, generated })).id
  })
  after(async () => {
    await rig?.stop()
  })

  async function killAt({ skip, when, match, saysHowFar }: CaptureKill): Promise<void> {
    let seen = 0
    const isIt: HoldRule['match'] = (request) => {
      if (match(request)) seen += 1
      return seen > skip
    }
    const before = await reachedNow()
    let held = await nextHeld({ when, match: isIt })
    while (saysHowFar && (await reachedNow()) === before) {
      held.release()
      held = await nextHeld({ when, match: isIt })
    }
    await rig.kill('worker')
    held.drop()
  }

  async function nextHeld(rule: HoldRule): Promise<Held> {
    let held: Held | undefined
    void rig.blobs.holdNext(rule).then((request) => {
      held = request
    })
    await rig.until('the moment', async () => held !== undefined)
    return held ?? assert.fail('it was held')
  }

  const reachedNow = async () => (await offsets()).at(-1) ?? 0

  async function hasSliceEnded(): Promise<boolean> {
    const site = (await rig.api.resources()).find(({ kind }) => kind === 'site')
    return site?.coverage?.attempts === 0
  }

  /** How far each commit says that the file has come. */
  async function offsets(): Promise<number[]> {
    const events = (await readChain(rig, 'drive')).flatMap((commit) => commit.events)
    return events.flatMap((event) =>
      event.op === 'ledger' && event.item.endsWith(`/${item}`) && event.progress
        ? [event.progress.position.offset]
        : [],
    )
  }

  test('a capture goes on from its last commit, each time', async () => {
    const run = await rig.api.startRun()
    const reached: number[] = []
    for (const [n, kill] of CAPTURE_KILLS.entries()) {
      // More deaths in a row, and the owner is left alone for a while.
      if (n >= DEATHS_IN_A_ROW) await rig.until('a slice that ends', hasSliceEnded)
      await killAt(kill)
      reached.push(await reachedNow())
    }
    assert.ok((reached.at(-1) ?? 0) < SIZE, 'the file was not whole when its worker died')
    assert.ok((reached.at(-1) ?? 0) > 0, 'and it was begun')
    await runToEnd(rig, run)
    const all = [0, ...(await offsets())]
    for (const [n, offset] of all.entries()) {
      const step = offset - (all[n - 1] ?? 0)
      assert.ok(step >= 0 && step <= STEP_MAX, `never back, and never far: ${all}`)
    }
    const found = (await rig.api.resources()).find(({ kind }) => kind === 'site')
    assert.ok(found)
    resource = found.id
    assert.deepEqual(await rig.api.ledger(resource, 'drive'), [])
    assert.equal(found.coverage?.state, 'covered')
  })

  test('a restore goes on where its upload stands, and the file is right', async () => {
    const { control } = rig
    const [original] = (await control.driveSnapshot({ drive })).items.filter(
      ({ id }) => id === item,
    )
    const at = (await rig.api.newestPoint(resource, 'drive'))?.time
    assert.ok(original && at)
    await control.deleteItem({ drive, item })
    const job = await rig.api.planRestore({
      ...{ resource, workload: 'drive', at, selection: { all: true } },
      ...{ destination: { kind: 'original' }, conflict: 'skip' },
    })
    await jobIs(rig, job, 'planned')
    await control.resetCounts({})
    await rig.api.startRestore(job, (await rig.api.restore(job)).planHash ?? '')
    for (const nth of UPLOAD_KILLS) {
      const path = '/upload/drives/'
      const { id } = await control.addFault({ method: 'PUT', path, action: 'hold', nth })
      await rig.until('a piece', async () => {
        await rig.trigger('reconcile')
        const { faults } = await control.listFaults({})
        return faults.some((fault) => fault.id === id && fault.holding)
      })
      await rig.kill('worker')
      await control.releaseFault({ id })
    }
    await jobIs(rig, job, 'done')
    const { requests, statuses } = await control.counts({})
    // All pieces but the last are answered so; a death costs one at most.
    const taken = statuses['202'] ?? 0
    assert.ok(taken < Math.ceil(SIZE / UPLOAD_PIECE) + UPLOAD_KILLS.length, `${taken} pieces`)
    // Before its first piece is there, a session is not worth being kept: one is lost to a death
    // then, or to the end of a slice. That no piece went to a second one is counted above.
    const sessions = requests['upload.create'] ?? 0
    assert.ok(sessions >= 1 && sessions <= UPLOAD_KILLS.length + 1, `${sessions} sessions`)
    const files = (await control.driveSnapshot({ drive })).items.filter(({ path }) => path === PATH)
    assert.deepEqual(
      files.map(({ sha256, bytes, versions }) => [sha256, bytes, versions.length]),
      [[original.sha256, SIZE, 1]],
    )
    const [line] = (await rig.api.restoreLines(job)).filter(({ kind }) => kind === 'item')
    assert.deepEqual([line?.outcome, line?.check], ['restored', 'verified'])
  })
})
