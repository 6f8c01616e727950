/**
 * One call in ten to the service fails, in every way in which one can: before or after it took
 * effect, throttled, refused sign-in, without an answer. The oracle is the target mailbox.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { graphId } from '../catalogue/testing/fixtures.ts'
import type { StreamWriter } from '../workloads/workload.ts'
import { planned, replayed, undone, undoPlanned } from './testing/drive.ts'
import { type TargetMail, trouble } from './testing/scripted-mailbox.ts'
import { LAG_MS, makeWorld, type World } from './testing/world.ts'

const RUNS = 25
const ITEMS = 30
const INBOX = graphId('f-inbox')
/** In a hundred calls. */
const FAULTS = 10

/** 0 to 99, for ever. */
type Draws = Iterator<number>

/** As the Graph client does for reads. */
const READ_ATTEMPTS = 3

type Effect<T> = () => Promise<T>

/** One try, which may fail before or after it took effect. */
async function chancy<T>(draws: Draws, lostCode: string, effect: Effect<T>): Promise<T> {
  const draw = () => Number(draws.next().value)
  if (draw() >= FAULTS) return effect()
  const kind = draw() % 4
  if (kind === 0) throw trouble('Throttled', 'throttled', 2_000)
  if (kind === 1) throw trouble('SignInRefused', 'denied')
  if (kind === 2) await effect()
  throw trouble(lostCode, 'transient')
}

/** Fails like the mail writer does: a create that may have taken effect loses its answer. */
function failing(writer: StreamWriter, draws: Draws): StreamWriter {
  const make = <T>(effect: Effect<T>) => chancy(draws, 'AnswerLost', effect)
  const read = async <T>(effect: Effect<T>): Promise<T> => {
    for (let n = 1; ; n += 1) {
      try {
        return await chancy(draws, 'GraphUnavailable', effect)
      } catch (error) {
        if (n === READ_ATTEMPTS) throw error
      }
    }
  }
  return {
    ...writer,
    containers: (signal) => read(() => writer.containers(signal)),
    createContainer: (name, parent, signal) =>
      make(() => writer.createContainer(name, parent, signal)),
    create: (version, creation, signal) => make(() => writer.create(version, creation, signal)),
    find: (search, signal) => read(() => writer.find(search, signal)),
    remove: (id, signal) => chancy(draws, 'GraphUnavailable', () => writer.remove(id, signal)),
    check: (id, version, spot, signal) => read(() => writer.check(id, version, spot, signal)),
    present: (id, signal) => read(() => writer.present(id, signal)),
    matches: (id, version, signal) => read(() => writer.matches(id, version, signal)),
    removeEmptyContainer: (id, signal) => make(() => writer.removeEmptyContainer(id, signal)),
    async *existing(container, signal) {
      yield* await read(() => allOf(writer.existing(container, signal)))
    },
  }
}

async function allOf<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of source) all.push(one)
  return all
}

/** Thirty mails: a third is there, a third was encrypted in place, a third is gone. */
async function attacked(draws: Draws, delaysMs: readonly number[]): Promise<World> {
  const world = await makeWorld()
  const ids = Array.from({ length: ITEMS }, (_, n) => `m${n}`)
  await world.commit([
    world.folder({ id: 'f-inbox', name: 'Inbox' }),
    world.folder({ id: 'f-gone', name: 'Gone' }),
    ...ids.map((id, n) => world.mail(id, n % 3 === 2 ? 'f-gone' : 'f-inbox')),
  ])
  world.mailbox.folders.push({ id: INBOX, name: 'Inbox' })
  for (const [n, id] of ids.entries()) {
    const mail = { id: graphId(id), container: INBOX, identity: `<${id}>`, mark: '', visibleAt: 0 }
    if (n % 3 === 0) world.mailbox.mails.push(mail)
    if (n % 3 === 1) world.mailbox.mails.push({ ...mail, text: 'encrypted', revision: 1 })
  }
  world.mailbox.delaysMs.push(...delaysMs)
  const { writer } = world.mailbox
  world.mailbox.writer = (owner) => failing(writer(owner), draws)
  return world
}

const contents = (mails: readonly TargetMail[]) =>
  mails.map(({ container, identity, text = 'there' }) => [container, identity, text].join()).sort()

const chances = fc.infiniteStream(fc.noBias(fc.integer({ min: 0, max: 99 })))
const delays = fc.array(fc.integer({ min: 0, max: LAG_MS }), { maxLength: ITEMS })

describe('a service that fails one call in ten', () => {
  it('gets each missing item once, no twin of one that is there, and all of it back', async () => {
    await fc.assert(
      fc.asyncProperty(chances, delays, async (draws, delaysMs) => {
        const world = await attacked(draws, delaysMs)
        const before = contents(world.mailbox.mails)
        const plan = await planned(world, { conflict: 'copy' })
        const { totals } = plan.report
        const third = ITEMS / 3
        assert.deepEqual([totals.alreadyThere, totals.copy, totals.restore], [third, third, third])
        const report = await replayed(world, plan)
        assert.equal(report.counts.restored, 2 * third)
        const marks = world.mailbox.mails.filter(({ mark }) => mark !== '').map(({ mark }) => mark)
        assert.equal(marks.length, 2 * third, 'nothing is made twice')
        assert.equal(new Set(marks).size, 2 * third, 'nothing is lost')
        const undo = await undone(world, await undoPlanned(world, plan.job))
        assert.equal(undo.counts.removed, 2 * third)
        assert.deepEqual(contents(world.mailbox.mails), before)
        assert.deepEqual(
          world.mailbox.folders.map(({ name }) => name),
          ['Inbox'],
        )
      }),
      { numRuns: RUNS },
    )
  })
})
