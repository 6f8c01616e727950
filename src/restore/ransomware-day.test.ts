/**
 * A day on which ransomware takes a library: many files over several pages and slices, some of them
 * saved by hand before anybody asks for the backup.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { graphId } from '../catalogue/testing/fixtures.ts'
import type { GraphId } from '../model/ids.ts'
import { PLAN_PAGE } from './limits.ts'
import { planned, replayed } from './testing/drive.ts'
import { DriveStory } from './testing/drive-story.ts'
import { LIBRARY } from './testing/drive-world.ts'

const FILES = PLAN_PAGE + 60
const NOTE = 'HOW TO GET YOUR FILES BACK.txt'

it('a ransomware day: content and names are back on the same files, later work is untouched', async () => {
  const story = await DriveStory.begin()
  const { world } = story
  const team = story.folder('team')
  const inTeam = (n: number): GraphId => (n % 8 === 0 ? team : LIBRARY)
  const files = Array.from({ length: FILES }, (_, n) => ({ id: `f${n}`, name: `${n}.docx` }))
  for (const [n, { id, name }] of files.entries()) story.add(id, name, `work ${n}`, inTeam(n))
  const from = { seq: await story.point() }

  const [spared, savedByHand, thrownAway, deleted] = ['f1', 'f2', 'f3', 'f4']
  for (const [n, { id, name }] of files.entries()) {
    if (id === spared) continue
    if (id === deleted) story.drop(id)
    else story.change(id, { name: `${name}.locked`, text: `#!${n}` })
  }
  story.add('note', NOTE, 'pay', LIBRARY)
  story.add('note-2', NOTE, 'pay', team)
  const until = { seq: await story.point() }

  story.change(savedByHand ?? '', { name: 'from my laptop.docx', text: 'newer work' })
  story.drop(thrownAway ?? '')
  story.change(spared ?? '', { text: 'work of the evening' })
  story.add('plan', 'what we do now.txt', 'call everybody')

  const request = { at: undefined, rollBack: { from, until, appeared: 'remove' } }
  const plan = await planned(world, request)
  const { totals } = plan.report
  const worse = FILES - 4
  assert.deepEqual(
    [totals.version, totals.restore, totals.unchanged, totals.changedLater, totals.remove],
    [worse, 1, 1, 2, 2],
  )
  assert.equal(totals.items, FILES + 2)
  const report = await replayed(world, plan)
  assert.deepEqual([report.counts.restored, report.counts.verified], [worse + 1, worse + 1])

  const byId = new Map(world.drive.files.map((file) => [file.id, file]))
  for (const [n, { id, name }] of files.entries()) {
    if ([spared, savedByHand, thrownAway, deleted].includes(id)) continue
    const file = byId.get(graphId(id))
    assert.deepEqual([file?.name, file?.text, file?.container], [name, `work ${n}`, inTeam(n)])
    assert.deepEqual(file?.before, [`#!${n}`], 'what the attacker left is in the history')
  }
  const texts = world.drive.files.map(({ name, text }) => `${name}: ${text}`)
  const later = ['1.docx: work of the evening', 'what we do now.txt: call everybody']
  for (const text of ['4.docx: work 4', 'from my laptop.docx: newer work', ...later]) {
    assert.ok(texts.includes(text), text)
  }
  assert.equal(texts.length, FILES)
  assert.ok(world.drive.bin.every(({ name }) => name === NOTE))

  const again = await planned(world, request)
  const { totals: left } = again.report
  assert.deepEqual([left.create, left.place, left.remove], [0, 0, 0])
})
