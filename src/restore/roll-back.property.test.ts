/**
 * Roll backs of random stories, by workers that die now and then: a plain model of three states says
 * what every file must be afterwards, and after the undo.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { graphId, NEVER } from '../catalogue/testing/fixtures.ts'
import type { GraphId } from '../model/ids.ts'
import type { Restore } from './index.ts'
import { drive, ORIGINAL, undone, undoPlanned, wholeReport } from './testing/drive.ts'
import { DriveStory } from './testing/drive-story.ts'
import { LIBRARY } from './testing/drive-world.ts'
import { Process, ProcessDied } from './testing/process.ts'
import { LEASE_MARGIN_MS, SLICE_MS } from './testing/world.ts'

const RUNS = 60
const FILES = 6
const PLANS = graphId('plans')
/** Points of ports between two deaths; fewer deaths than make a job poison. */
const LIFE = 90
const DEATHS_MAX = 4

/** One thing that somebody does to one file, or (`drop-folder`) to the folder. */
const deed = fc.record({
  file: fc.integer({ min: 0, max: FILES + 2 }),
  what: fc.constantFrom('edit', 'rename', 'move', 'drop', 'edit', 'rename', 'drop-folder'),
  pick: fc.integer({ min: 0, max: 2 }),
})
const deeds = fc.array(deed, { maxLength: 8 })
interface Deed {
  file: number
  what: string
  pick: number
}

interface State {
  container: GraphId
  name: string
  text: string
}
type States = ReadonlyMap<string, State>

/** Names differ from file to file, so that each can go back to its own. */
const nameOf = (id: string, pick: number) => `${id}${['', '.locked', ' of somebody'][pick]}.txt`
const textOf = (id: string, pick: number) => `${['text', 'encrypted', 'newer text'][pick]} of ${id}`

function act(story: DriveStory, { file, what, pick }: Deed): void {
  const { files, folders } = story.world.drive
  const id = `file-${file}`
  const hasFolder = folders.some((folder) => folder.id === PLANS)
  const there = files.find((one) => one.id === id)
  if (what === 'drop-folder') {
    if (hasFolder && file === 0) story.dropFolder(PLANS)
  } else if (!there) {
    const container = hasFolder && pick === 0 ? PLANS : LIBRARY
    story.add(id, nameOf(id, pick), textOf(id, pick), container)
  } else if (what === 'edit') story.change(id, { text: textOf(id, pick) })
  else if (what === 'rename') story.change(id, { name: nameOf(id, pick) })
  else if (what === 'drop') story.drop(id)
  else if (hasFolder) story.change(id, { container: pick === 0 ? PLANS : LIBRARY })
}

function statesOf({ world }: DriveStory): States {
  return new Map(
    world.drive.files.map(({ id, container, name, text }) => [id, { container, name, text }]),
  )
}

const same = (one: State | undefined, other: State | undefined) =>
  JSON.stringify(one) === JSON.stringify(other)

interface Story {
  first: States
  second: States
  now: States
  /** Somebody deleted the folder after the second point. */
  goneLater: boolean
}

/** The states that must stand in the end: those of files that keep their ids, and those made anew. */
function expected(of: Story, removes: boolean): { kept: States; made: State[] } {
  const kept = new Map(of.now)
  const made: State[] = []
  for (const id of new Set([...of.first.keys(), ...of.second.keys()])) {
    const [first, second, now] = [of.first.get(id), of.second.get(id), of.now.get(id)]
    if (same(first, second) || !same(second, now)) continue
    if (first === undefined) {
      if (removes) kept.delete(id)
    } else if (first.container !== PLANS || !of.goneLater) {
      if (second === undefined) made.push(first)
      else kept.set(id, first)
    }
  }
  return { kept, made }
}

/** As people see it, who know no ids. */
function shown(story: DriveStory, states: Iterable<State>): string[] {
  const names = new Map(story.world.drive.folders.map(({ id, name }) => [id, name]))
  return [...states]
    .map(({ container, name, text }) => {
      const folder = names.get(container) ?? (container === PLANS ? 'plans' : container)
      return `${folder}/${name}: ${text}`
    })
    .sort()
}

/** Steps that die, one after the other; then one worker that lives. */
async function work(story: DriveStory, job: string, lives: number[]): Promise<void> {
  const { world } = story
  for (const life of lives) {
    const deadline = world.clock.now() + SLICE_MS
    await world
      .restore(new Process(life))
      .step(job, { deadline }, NEVER)
      .catch((error) => {
        if (!(error instanceof ProcessDied)) throw error
      })
    world.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
  }
  await drive(world, world.restore(), job)
}

async function told(deedsOf: { before: Deed[]; damage: Deed[]; later: Deed[] }) {
  const story = await DriveStory.begin()
  story.folder(PLANS)
  for (let n = 0; n < FILES; n += 1) {
    const id = `file-${n}`
    story.add(id, nameOf(id, 0), textOf(id, 0), n % 2 === 0 ? LIBRARY : PLANS)
  }
  for (const one of deedsOf.before) act(story, one)
  await story.point()
  const first = statesOf(story)
  for (const one of deedsOf.damage) act(story, one)
  await story.point()
  const second = statesOf(story)
  const hadFolder = story.world.drive.folders.some(({ id }) => id === PLANS)
  for (const one of deedsOf.later) act(story, one)
  const hasFolder = story.world.drive.folders.some(({ id }) => id === PLANS)
  return { story, first, second, now: statesOf(story), goneLater: hadFolder && !hasFolder }
}

async function asked(story: DriveStory, restore: Restore, appeared: string): Promise<string> {
  const { key, workload } = story.world
  const rollBack = { from: { seq: 1 }, until: { seq: 2 }, appeared }
  const body = { resource: key, workload, rollBack, selection: { all: true } }
  const { id } = await restore.create({ ...body, destination: ORIGINAL }, 'operator', NEVER)
  return id
}

const lives = fc.array(fc.integer({ min: 1, max: LIFE }), { maxLength: DEATHS_MAX })
const stories = fc.record({ before: deeds, damage: deeds, later: deeds })

it('what is worse comes back, what was changed later stays, whoever dies on the way', async () => {
  await fc.assert(
    fc.asyncProperty(stories, fc.boolean(), lives, lives, async (acts, removes, some, more) => {
      const of = await told(acts)
      const { story } = of
      const restore = story.world.restore()
      const before = shown(story, of.now.values())
      const job = await asked(story, restore, removes ? 'remove' : 'keep')
      await work(story, job, some)
      const report = await wholeReport(restore, job)
      assert.equal(report.state, 'planned')
      await restore.start(job, report.planHash, 'operator', NEVER)
      await work(story, job, more)

      const ended = await wholeReport(restore, job)
      const lines = JSON.stringify(ended.lines)
      assert.deepEqual([ended.state, ended.counts.pending], ['done', 0], lines)
      assert.equal(ended.counts.verified, ended.counts.restored, lines)
      const { kept, made } = expected(of, removes)
      const after = statesOf(story)
      for (const [id, state] of kept) {
        const found = after.get(id)
        assert.ok(found, `${id} keeps its id`)
        assert.deepEqual(shown(story, [found]), shown(story, [state]), lines)
      }
      const wanted = [...kept.values(), ...made]
      assert.deepEqual(shown(story, after.values()), shown(story, wanted), lines)

      const again = await asked(story, restore, removes ? 'remove' : 'keep')
      await work(story, again, [])
      const { totals } = await wholeReport(restore, again)
      assert.deepEqual([totals.create, totals.place, totals.remove], [0, 0, 0], 'nothing is left')

      const undo = await undoPlanned(story.world, job)
      await undone(story.world, undo)
      const versions = [...kept].filter(([id, { text }]) => of.now.get(id)?.text !== text)
      const back = new Map([...of.now, ...versions])
      const thrown = [...of.now.keys()].filter((id) => !kept.has(id))
      for (const id of thrown) back.delete(id)
      assert.deepEqual(shown(story, statesOf(story).values()), shown(story, back.values()))
      if (versions.length + thrown.length === 0) {
        assert.deepEqual(shown(story, statesOf(story).values()), before)
      }
    }),
    { numRuns: RUNS },
  )
})
