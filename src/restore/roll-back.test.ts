/** A roll back: what changed for the worse between two points, and nothing of what came later. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { graphId, NEVER } from '../catalogue/testing/fixtures.ts'
import { keyHash } from '../model/ids.ts'
import type { RestoreReport } from './index.ts'
import { planned, replayed, undone, undoPlanned } from './testing/drive.ts'
import { DriveStory } from './testing/drive-story.ts'
import { LIBRARY } from './testing/drive-world.ts'

const standing = ({ world }: DriveStory) =>
  world.drive.files.map(({ container, name, text }) => `${container}/${name}: ${text}`).sort()
const told = (report: RestoreReport) =>
  report.lines
    .filter(({ kind }) => kind === 'item')
    .map(({ name, outcome }) => `${name}: ${outcome}`)
    .sort()
const rollBack = (story: DriveStory, request: Record<string, unknown> = {}) =>
  planned(story.world, { at: undefined, rollBack: { from: { seq: 1 }, ...request } })

/** One file, held as it was; then `damage`, held as well. */
async function damaged(damage: (story: DriveStory) => void): Promise<DriveStory> {
  const story = await DriveStory.begin()
  story.folder('plans')
  story.add('a', 'a.txt', 'the text of a')
  story.add('b', 'b.txt', 'the text of b', graphId('plans'))
  await story.point()
  damage(story)
  await story.point()
  return story
}

describe('a roll back of files', () => {
  it('brings content and name back on the same item', async () => {
    const story = await damaged((s) => s.change('a', { name: 'a.txt.locked', text: 'encrypted' }))
    const report = await replayed(story.world, await rollBack(story))
    assert.deepEqual(standing(story), [
      `${LIBRARY}/a.txt: the text of a`,
      'plans/b.txt: the text of b',
    ])
    const file = story.world.drive.files.find(({ id }) => id === 'a')
    assert.deepEqual(file?.before, ['encrypted'])
    assert.deepEqual(told(report), ['a.txt: restored', 'b.txt: unchanged'])
    assert.equal(report.counts.verified, 1)
  })

  it('brings a renamed and a moved file back without a download', async () => {
    const story = await damaged((s) => {
      s.change('a', { container: graphId('plans') })
      s.change('b', { name: 'b.txt.locked' })
    })
    const plan = await rollBack(story)
    assert.equal(plan.report.totals.place, 2)
    const report = await replayed(story.world, plan)
    assert.deepEqual(standing(story), [
      `${LIBRARY}/a.txt: the text of a`,
      'plans/b.txt: the text of b',
    ])
    assert.deepEqual(story.world.opened, [])
    assert.deepEqual([report.counts.restored, report.counts.verified], [2, 2])
  })

  it('makes what is gone anew, with its folder', async () => {
    const story = await damaged((s) => s.dropFolder(graphId('plans')))
    const report = await replayed(story.world, await rollBack(story))
    const folder = story.world.drive.folders.find(({ name }) => name === 'plans')
    assert.deepEqual(
      standing(story),
      [`${LIBRARY}/a.txt: the text of a`, `${folder?.id}/b.txt: the text of b`].sort(),
    )
    assert.deepEqual([report.counts.restored, report.counts.foldersMade], [1, 1])
  })

  it('leaves what somebody changed later, and says in what', async () => {
    const story = await damaged((s) => {
      s.change('a', { text: 'encrypted' })
      s.drop('b')
    })
    story.change('a', { text: 'honest work', name: 'mine.txt' })
    story.add('b', 'b.txt', 'out of the bin', graphId('plans'))
    const before = standing(story)
    const report = await replayed(story.world, await rollBack(story))
    assert.deepEqual(standing(story), before)
    assert.deepEqual(told(report), ['a.txt: changedLater', 'b.txt: changedLater'])
    const lines = report.lines.filter(({ kind }) => kind === 'item')
    assert.deepEqual(
      lines.map(({ differs }) => differs),
      [['content', 'name'], ['back']],
    )
    assert.match(lines[0]?.message ?? '', /its content is another one, it has another name/)
  })

  it('leaves what is gone by later doing, and makes no folder that somebody deleted later', async () => {
    const story = await damaged((s) => s.drop('b'))
    story.dropFolder(graphId('plans'))
    const report = await replayed(story.world, await rollBack(story))
    assert.deepEqual(told(report), ['a.txt: unchanged', 'b.txt: changedLater'])
    assert.equal(report.totals.folders, 0)
    assert.equal(story.world.drive.folders.length, 1)
  })

  it('leaves what was changed between the plan and its start', async () => {
    const story = await damaged((s) => {
      s.change('a', { text: 'encrypted' })
      s.change('b', { name: 'b.locked' })
    })
    const plan = await rollBack(story)
    story.change('a', { text: 'honest work' })
    story.change('b', { name: 'mine.txt' })
    const before = standing(story)
    const report = await replayed(story.world, plan)
    assert.deepEqual(standing(story), before)
    assert.deepEqual(told(report), ['a.txt: changedLater', 'b.txt: changedLater'])
    assert.ok(report.lines.every(({ kind, code }) => kind === 'folder' || code === 'ChangedSince'))
  })

  it('lists what appeared, and throws it away only where it is told to and nobody touched it', async () => {
    const story = await damaged((s) => {
      s.add('note', 'READ ME.txt', 'pay')
      s.add('draft', 'draft.txt', 'of a user', s.folder('new'))
    })
    story.change('draft', { text: 'of a user, and more' })
    story.add('later', 'later.txt', 'came later')
    const kept = await replayed(story.world, await rollBack(story))
    const lines = [
      'READ ME.txt: appeared',
      'a.txt: unchanged',
      'b.txt: unchanged',
      'draft.txt: changedLater',
    ]
    assert.deepEqual(told(kept), lines)
    assert.equal(story.world.drive.bin.length, 0)
    const report = await replayed(story.world, await rollBack(story, { appeared: 'remove' }))
    assert.equal(report.totals.remove, 1)
    assert.deepEqual(told(report), ['READ ME.txt: removed', ...lines.slice(1)])
    assert.deepEqual(
      story.world.drive.bin.map(({ id }) => id),
      ['note'],
    )
  })

  it('makes nothing twice and throws away nothing that it made, when it is repeated', async () => {
    const story = await damaged((s) => {
      s.dropFolder(graphId('plans'))
      s.change('a', { name: 'a.locked', text: 'encrypted' })
    })
    await replayed(story.world, await rollBack(story))
    await story.point()
    const before = standing(story)
    for (const until of [{ seq: 2 }, { seq: 3 }]) {
      await replayed(story.world, await rollBack(story, { until, appeared: 'remove' }))
      assert.deepEqual(standing(story), before)
    }
    assert.equal(story.world.drive.bin.length, 0)
  })

  it('says so where a name was taken after the content came back', async () => {
    const story = await damaged((s) => s.change('a', { name: 'a.locked', text: 'encrypted' }))
    const plan = await rollBack(story)
    story.world.drive.onPlace = async () => {
      await Promise.resolve()
      if (story.world.drive.files.length < 3) story.add('other', 'a.txt', 'of somebody')
    }
    const report = await replayed(story.world, plan)
    assert.ok(standing(story).includes(`${LIBRARY}/a.locked: the text of a`))
    const line = report.lines.find(({ name }) => name === 'a.txt')
    assert.deepEqual([line?.outcome, line?.check, line?.code], ['restored', 'differs', 'NameTaken'])
  })

  it('gives a file the next free name where somebody has its own by now', async () => {
    const story = await damaged((s) => s.change('a', { name: 'a.locked' }))
    story.add('other', 'A.txt', 'of somebody')
    await replayed(story.world, await rollBack(story))
    const names = story.world.drive.files.map(({ name }) => name)
    assert.deepEqual(names.sort(), ['A.txt', 'a (restored 2026-06-01).txt', 'b.txt'])
  })

  it('takes single items of either point', async () => {
    const story = await damaged((s) => {
      s.change('a', { text: 'encrypted' })
      s.drop('b')
      s.add('note', 'READ ME.txt', 'pay')
    })
    const items = ['b', 'note'].map((id) => keyHash(graphId(id)))
    const plan = await planned(story.world, {
      at: undefined,
      rollBack: { from: { seq: 1 }, appeared: 'remove' },
      selection: { items },
    })
    assert.deepEqual(told(await replayed(story.world, plan)), [
      'READ ME.txt: removed',
      'b.txt: restored',
    ])
    assert.ok(standing(story).includes(`${LIBRARY}/a.txt: encrypted`))
  })
})

describe('the undo of a roll back', () => {
  it('removes what was made, takes back what was moved, and says what stays', async () => {
    const story = await damaged((s) => {
      s.change('a', { name: 'a.locked', container: graphId('plans') })
      s.drop('b')
      s.add('c', 'note.txt', 'pay')
    })
    const before = standing(story).filter((line) => !line.includes('note'))
    const plan = await rollBack(story, { appeared: 'remove' })
    await replayed(story.world, plan)
    const undo = await undoPlanned(story.world, plan.job)
    assert.equal(undo.report.undoTotals?.place, 1)
    const report = await undone(story.world, undo)
    assert.deepEqual(standing(story), before)
    assert.deepEqual(told(report), ['a.locked: putBack', 'b.txt: removed', 'note.txt: left'])
    assert.equal(report.counts.putBack, 1)
    assert.equal(report.lines.find(({ name }) => name === 'note.txt')?.code, 'ThrownAway')
  })

  it('leaves what somebody moved or edited since', async () => {
    const story = await damaged((s) => {
      s.change('a', { name: 'a.locked' })
      s.change('b', { name: 'b.locked' })
    })
    const plan = await rollBack(story)
    await replayed(story.world, plan)
    story.change('a', { name: 'mine.txt' })
    story.change('b', { text: 'more' })
    const before = standing(story)
    const report = await undone(story.world, await undoPlanned(story.world, plan.job))
    assert.deepEqual(standing(story), before)
    assert.deepEqual(
      report.lines.map(({ code }) => code),
      ['MovedSince', 'EditedSince'],
    )
  })
})

describe('a request to roll back', () => {
  it('names two points, the second after the first, and nothing of a restore', async () => {
    const story = await damaged((s) => s.drop('b'))
    const restore = story.world.restore()
    const body = {
      resource: story.world.key,
      workload: 'drive',
      selection: { all: true },
      destination: { kind: 'original' },
    }
    const refused = async (more: object, code: string) =>
      assert.rejects(restore.create({ ...body, ...more }, 'operator', NEVER), { code })
    const from = { seq: 1 }
    await refused({}, 'RequestInvalid')
    await refused({ at: from, rollBack: { from } }, 'RequestInvalid')
    await refused({ rollBack: { from }, conflict: 'copy' }, 'RequestInvalid')
    const elsewhere = { kind: 'resource', resource: story.world.key }
    await refused({ rollBack: { from }, destination: elsewhere }, 'RequestInvalid')
    await refused({ rollBack: { from: { seq: 2 } } }, 'NothingBetween')
    await refused({ rollBack: { from, until: from } }, 'NothingBetween')
  })
})
