/**
 * Restores of files over a service that fails one call in ten and a worker that dies now and then.
 * The oracle is the drive: nothing twice, nothing lost, names unique.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { graphId, NEVER } from '../catalogue/testing/fixtures.ts'
import { CONFLICT_POLICIES, type StreamWriter } from '../workloads/workload.ts'
import { drive, planned, wholeReport } from './testing/drive.ts'
import { type DriveWorld, LIBRARY, makeDriveWorld } from './testing/drive-world.ts'
import { Process, ProcessDied } from './testing/process.ts'
import { trouble } from './testing/scripted-mailbox.ts'
import { LAG_MS, LEASE_MARGIN_MS, SLICE_MS } from './testing/world.ts'

const RUNS = 40
const FILES = 9
const FAULTS = 10
/** Points of ports between two deaths. */
const LIFE = 60
/** Fewer than make a job poison. */
const DEATHS_MAX = 8
const FOLDER = graphId('b!library/gone')

type Draw = () => number

/** Fails before or after it took effect, as each kind of call can. */
function failing(writer: StreamWriter, draw: Draw): StreamWriter {
  const chancy = async <T>(code: string, effect: () => Promise<T>): Promise<T> => {
    if (draw() >= FAULTS) return effect()
    const kind = draw() % 3
    if (kind === 0) throw trouble('Throttled', 'throttled', 2_000)
    if (kind === 1) await effect()
    throw trouble(code, 'transient')
  }
  return {
    ...writer,
    createContainer: (name, parent, signal) =>
      chancy('AnswerLost', () => writer.createContainer(name, parent, signal)),
    create: (version, creation, signal) =>
      chancy('AnswerLost', () => writer.create(version, creation, signal)),
    find: (search, signal) => chancy('GraphUnavailable', () => writer.find(search, signal)),
    remove: (id, signal) => chancy('GraphUnavailable', () => writer.remove(id, signal)),
    rename: (id, name, signal) =>
      chancy('AnswerLost', async () => writer.rename?.(id, name, signal)),
    check: (id, version, spot, signal) =>
      chancy('GraphUnavailable', () => writer.check(id, version, spot, signal)),
    present: (id, signal) => chancy('GraphUnavailable', () => writer.present(id, signal)),
  }
}

/** A third is there, a third was overwritten in place, a third is gone with its folder. */
async function attacked(): Promise<DriveWorld> {
  const world = await makeDriveWorld()
  const files = Array.from({ length: FILES }, (_, n) => ({
    id: `b!library/${n}`,
    name: `File ${n}.txt`,
    text: `The text of file ${n}.`,
    container: n % 3 === 2 ? FOLDER : LIBRARY,
  }))
  await world.commit([
    world.folder(LIBRARY, 'Documents'),
    world.folder(FOLDER, 'Gone', LIBRARY),
    ...files.map(({ id, container, name, text }) => world.file(id, container, name, text)),
  ])
  for (const [n, { id, name, text }] of files.entries()) {
    if (n % 3 === 0) world.stand(id, LIBRARY, name, text)
    if (n % 3 === 1) world.stand(id, LIBRARY, name, `encrypted ${n}`, 1)
  }
  return world
}

const conflict = fc.constantFrom(...CONFLICT_POLICIES)
const draws = fc.infiniteStream(fc.noBias(fc.integer({ min: 0, max: 99 })))
const delays = fc.array(fc.integer({ min: 0, max: LAG_MS }), { maxLength: FILES })

it('each file comes back once, under one name, and nothing that was there is lost', async () => {
  await fc.assert(
    fc.asyncProperty(conflict, draws, delays, async (policy, stream, delaysMs) => {
      const draw = () => Number(stream.next().value)
      const world = await attacked()
      const plan = await planned(world, { conflict: policy })
      await plan.restore.start(plan.job, plan.report.planHash, 'operator', NEVER)
      world.drive.delaysMs.push(...delaysMs)
      const { writer } = world.drive
      world.drive.writer = (owner) => failing(writer(owner), draw)
      for (let deaths = 0; deaths < DEATHS_MAX; deaths += 1) {
        const process = new Process(draw() % LIFE)
        const deadline = world.clock.now() + SLICE_MS
        await world
          .restore(process)
          .step(plan.job, { deadline }, NEVER)
          .catch((error) => {
            if (!(error instanceof ProcessDied)) throw error
          })
        world.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
      }
      await drive(world, plan.restore, plan.job)
      const report = await wholeReport(plan.restore, plan.job)
      const told = JSON.stringify(report.lines)
      assert.equal(report.counts.pending, 0)

      const { files, bin } = world.drive
      const keys = files.map(({ container, name }) => `${container} ${name.toLowerCase()}`)
      assert.equal(new Set(keys).size, keys.length, 'names are unique')
      const texts = files.map(({ text }) => text)
      const known = [...texts, ...bin.map(({ text }) => text), ...files.flatMap((f) => f.before)]
      for (let n = 0; n < FILES; n += 1) {
        const isWanted = n % 3 !== 1 || policy !== 'skip'
        const copies = texts.filter((text) => text === `The text of file ${n}.`).length
        const line = report.lines.find(({ name }) => name.startsWith(`File ${n}`))
        const isTold = line?.outcome === 'failed' || line?.outcome === 'refused'
        if (isTold) assert.equal(copies, 0, told)
        else if (line?.outcome !== 'unknown') assert.equal(copies, isWanted ? 1 : 0, told)
        assert.ok(copies <= 1, 'nothing is there twice')
        if (n % 3 === 1) assert.ok(known.includes(`encrypted ${n}`), 'nothing is lost')
      }
    }),
    { numRuns: RUNS },
  )
})
