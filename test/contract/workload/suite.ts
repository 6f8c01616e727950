/**
 * The workload contract: the same promises, kept for every kind of content, over the simulated
 * tenant and the real client. A workload passes it with a scene of its own and no other change.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { keyHash } from '../../../src/model/ids.ts'
import { holdfastOver } from './holdfast.ts'
import type { WorkloadScene } from './scene.ts'

const LIMIT_MS = 240_000
/** With a folder of its own, so that nothing is mixed with what the target has. */
const FOLDER = 'Brought back'
/** The longest wait of the ledger, and a day. */
const RETRIED_BY_MS = 8 * 86_400_000

export function workloadContract(name: string, open: () => Promise<WorkloadScene>): void {
  describe(`the workload contract: ${name}`, { timeout: LIMIT_MS }, () => {
    const signal = AbortSignal.timeout(LIMIT_MS)
    let scene: WorkloadScene
    let holdfast: Awaited<ReturnType<typeof holdfastOver>>

    before(async () => {
      scene = await open()
      holdfast = await holdfastOver(scene, signal)
    })
    after(() => scene.close())

    const isHeldAsItIs = async () =>
      assert.deepEqual(await holdfast.held(), await scene.members(scene.source))

    test('P2: a first copy holds everything, and says so in numbers that add up', async () => {
      const { seen, stored, restated, unchanged, excluded, ledger } = await holdfast.backUp()
      assert.equal(seen, stored + restated + unchanged + excluded + ledger)
      assert.equal(ledger, 0)
      await isHeldAsItIs()
      const again = await holdfast.backUp()
      assert.equal(again.stored + again.restated, 0, 'a second round finds nothing new')
    })

    test('P2: an incremental stores what is new or edited, and fetches nothing else', async () => {
      const edited = await scene.add()
      await holdfast.settle()
      await scene.contentRequests()
      await scene.add()
      await scene.edit(edited)
      const { stored } = await holdfast.backUp()
      assert.equal(stored, 2)
      assert.equal(await scene.contentRequests(), 2)
      await isHeldAsItIs()
    })

    test('P2: what was moved is held in its new place, and its content is not fetched', async () => {
      const moved = await scene.add()
      await holdfast.backUp()
      await scene.contentRequests()
      await scene.move(moved)
      const { stored, restated } = await holdfast.backUp()
      assert.deepEqual([stored, restated], [0, 1])
      assert.equal(await scene.contentRequests(), 0)
      await isHeldAsItIs()
    })

    test('P2: what was deleted is gone from today, and still there before', async () => {
      const deleted = await scene.add()
      await holdfast.backUp()
      const before = await holdfast.seq()
      await scene.remove(deleted)
      await holdfast.settle()
      await isHeldAsItIs()
      assert.ok([...(await holdfast.held(before)).values()].flat().includes(deleted))
    })

    test('P2: links that are lost hide no change and no deletion', async () => {
      const [deleted, edited] = [await scene.add(), await scene.add()]
      await holdfast.backUp()
      await scene.remove(deleted)
      await scene.edit(edited)
      await scene.add()
      await scene.loseLinks()
      await holdfast.settle()
      await isHeldAsItIs()
    })

    test('P3: a throttled service makes a round longer, and nothing is left out', async () => {
      for (let n = 0; n < 5; n += 1) await scene.add()
      const end = await scene.throttle(3)
      try {
        await holdfast.backUp()
      } finally {
        await end()
      }
      await isHeldAsItIs()
    })

    test('P3: one item that cannot be read is in the ledger, all others are stored', async () => {
      const bad = await scene.add()
      const good = await scene.add()
      const mend = await scene.spoil(bad)
      try {
        await holdfast.backUp()
        assert.deepEqual(
          (await holdfast.ledger()).map(({ item }) => item),
          [bad],
        )
        assert.ok([...(await holdfast.held()).values()].flat().includes(good))
      } finally {
        await mend()
      }
      holdfast.clock.advance(RETRIED_BY_MS)
      await holdfast.settle()
      await isHeldAsItIs()
      assert.deepEqual(await holdfast.ledger(), [])
    })

    test('P1, P7: what was lost comes back to its place, as it was, and nothing twice', async () => {
      await holdfast.settle()
      const truth = await scene.contents(scene.source)
      const seq = await holdfast.seq()
      const ids = [...(await holdfast.held()).values()].flat()
      const lost = ids.filter((_, n) => n % 2 === 0)
      for (const id of lost) await scene.remove(id)
      const request = { at: { seq }, selection: { all: true }, destination: { kind: 'original' } }
      const { counts, totals } = await holdfast.restored({ ...request, conflict: 'skip' })
      assert.equal(totals.items, ids.length)
      assert.equal(counts.restored + counts.refused, lost.length)
      assert.equal(counts.failed + counts.unknown, 0)
      assert.deepEqual(await scene.contents(scene.source), truth)
    })

    test('P7: a roll back brings back what got worse, and leaves what came later', async () => {
      await holdfast.settle()
      const before = await scene.contents(scene.source)
      const later = await scene.add()
      const [ofLater] = (await scene.contents(scene.source)).filter((t) => !before.includes(t))
      const [edited, moved, removed] = [await scene.add(), await scene.add(), await scene.add()]
      const both = await scene.add()
      await holdfast.settle()
      const truth = await scene.contents(scene.source)
      const from = { seq: await holdfast.seq() }
      for (const id of [edited, both, later]) await scene.edit(id)
      for (const id of [moved, both]) await scene.move(id)
      await scene.remove(removed)
      const note = await scene.add()
      await holdfast.settle()
      const until = { seq: await holdfast.seq() }
      await scene.move(later)

      const rollBack = { from, until, appeared: 'remove' }
      const request = { rollBack, selection: { all: true }, destination: { kind: 'original' } }
      const { counts, totals, lines } = await holdfast.restored(request)
      const told = JSON.stringify(lines.filter(({ outcome }) => outcome !== 'unchanged'))
      assert.deepEqual([counts.restored, counts.verified], [4, 4], told)
      assert.deepEqual([counts.removed, counts.changedLater], [1, 1], told)
      assert.equal(totals.place, 1, told)
      const ids = [...(await scene.members(scene.source)).values()].flat()
      assert.ok(!ids.includes(note))
      for (const id of [later, moved]) assert.ok(ids.includes(id))
      const after = await scene.contents(scene.source)
      const missing = truth.filter((text) => !after.includes(text))
      assert.deepEqual(missing, [ofLater], 'all but what was changed later is as it was')
      const isOnto = scene.writing.conflicts.policies.includes('version')
      assert.equal(after.length - truth.length, isOnto ? 0 : 2, told)
    })

    test('P1, P7: everything goes to another place, as it was', async () => {
      await holdfast.settle()
      const truth = await scene.contents(scene.source)
      const before = new Set(await scene.contents(scene.other))
      const destination = { kind: 'resource', resource: keyHash(scene.other), folder: FOLDER }
      const request = { at: { seq: await holdfast.seq() }, selection: { all: true }, destination }
      const { counts, lines } = await holdfast.restored(request)
      assert.equal(counts.failed + counts.unknown + counts.refused, 0)
      const made = lines.filter((line) => line.kind === 'item' && line.outcome === 'restored')
      assert.deepEqual(
        made.filter(({ check }) => check !== 'verified'),
        [],
      )
      const there = (await scene.contents(scene.other)).filter((text) => !before.has(text))
      assert.deepEqual(new Set(there), new Set(truth))
    })
  })
}
