/**
 * Runs tests for runner.ts in a thread: all files are imported once, and for each mutant the tests
 * that reach it run, the quickest and the nearest first, until one fails or time is up. The runner
 * ends the thread where a test hangs.
 */
import { globSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { dirname, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import type { InstrumenterContext, MutantCoverage } from '@stryker-mutator/api/core'
import { type RecordedTest, record, type Suite } from './recorded-tests.ts'

/** What the configuration says of this runner. */
export interface RecordedOptions {
  /** Imported before the tests. */
  setup: string
  testFiles: string[]
  /**
   * Tests that take longer without a mutant are not run for any: the score is what the others
   * reach, and so never too high.
   */
  longestMs: number
  /** No test of a mutant begins after this: likewise. */
  enoughMs: number
}

export interface ThreadData extends RecordedOptions {
  /** Ms that tests took without a mutant, by their ids. */
  durations: Record<string, number>
  /** Active while the files are imported. */
  mutantAtLoad: string | undefined
}

/** `tests`: ids; undefined: all. */
export interface Order {
  mutant: string | undefined
  /** Where it is. */
  file: string | undefined
  tests: readonly string[] | undefined
  hitLimit: number | undefined
  bail: boolean
}

export interface Ran {
  id: string
  file: string
  ms: number
  /** What it failed with. */
  failure?: string
}

export type Word =
  /** A test begins; said so that the runner knows how long it takes. */
  | { is: 'begun'; id: string }
  | { is: 'ran'; results: Ran[]; hitCount?: number; coverage?: MutantCoverage }

/** What a failed test has left running comes to its end before the next mutant. */
const SETTLING_MS = 5
const { setup, testFiles, longestMs, enoughMs, durations, mutantAtLoad }: ThreadData = workerData

// The instrumented files find their orders here, and leave word of what was reached.
const stryker: { [K in keyof InstrumenterContext]: InstrumenterContext[K] | undefined } = {
  activeMutant: mutantAtLoad,
}
Object.assign(globalThis, { __stryker__: stryker })

const unhandled: unknown[] = []
process.on('unhandledRejection', (reason) => unhandled.push(reason))

const say = (word: Word) => parentPort?.postMessage(word)
const loading = load()
// Told to the first who asks.
loading.catch(() => {})
parentPort?.on('message', (order: Order) => void obey(order).then(say))

async function load(): Promise<RecordedTest[]> {
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier !== 'node:test') return next(specifier, context)
      return { url: import.meta.resolve('./recorded-tests.ts'), shortCircuit: true }
    },
  })
  const load = (path: string) => import(pathToFileURL(resolve(path)).href)
  await load(setup)
  const tests: RecordedTest[] = []
  for (const file of globSync(testFiles).sort()) {
    tests.push(...(await record(file, () => load(file))))
  }
  return tests.filter((test) => msOf(test) <= longestMs)
}

/** Unknown is nothing. */
const msOf = ({ id }: RecordedTest) => durations[id] ?? 0

/** The quickest first; those beside the mutated file may take longer, and its own longer still. */
function inOrder(tests: RecordedTest[], mutated: string | undefined): RecordedTest[] {
  if (mutated === undefined) return tests
  const farFrom = (file: string) => {
    if (file === mutated.replace(/\.ts$/, '.test.ts')) return 1
    return dirname(file) === dirname(mutated) ? 4 : 16
  }
  const rankOf = (test: RecordedTest) => msOf(test) * farFrom(test.file)
  return tests.sort((a, b) => rankOf(a) - rankOf(b))
}

async function obey({ mutant, file, tests, hitLimit, bail }: Order): Promise<Word> {
  let all: RecordedTest[]
  try {
    all = await loading
  } catch (error) {
    const load = { id: 'loading the tests', file: '', ms: 0, failure: textOf(error) }
    return { is: 'ran', results: [load] }
  }
  const wanted = tests && new Set(tests)
  Object.assign(stryker, { activeMutant: mutant, hitLimit, hitCount: 0 })
  const reaching = all.filter(({ id }) => wanted === undefined || wanted.has(id))
  const results = await runAll(inOrder(reaching, file), { mutant, bail })
  const { hitCount = 0, mutantCoverage } = stryker
  await wait(SETTLING_MS)
  stryker.activeMutant = undefined
  if (mutant !== undefined || mutantCoverage === undefined) return { is: 'ran', results, hitCount }
  for (const { id, suite } of all) reachedBefore(mutantCoverage.perTest, suite, id)
  for (const { suite } of all) forget(mutantCoverage.perTest, suite)
  return { is: 'ran', results, coverage: mutantCoverage }
}

async function runAll(
  tests: readonly RecordedTest[],
  { mutant, bail }: Pick<Order, 'mutant' | 'bail'>,
): Promise<Ran[]> {
  const results: Ran[] = []
  const end = mutant === undefined ? Infinity : performance.now() + enoughMs
  const prepared = new Set<Suite>()
  for (const test of tests) {
    say({ is: 'begun', id: test.id })
    const result = await run(test, prepared)
    results.push(result)
    if ((bail && result.failure !== undefined) || performance.now() > end) break
  }
  const afterwards = [...prepared].flatMap((suite) => suite.after)
  const failure = await failureOf(afterwards)
  if (failure !== undefined) results.push({ id: 'after the tests', file: '', ms: 0, failure })
  return results
}

async function run(test: RecordedTest, prepared: Set<Suite>): Promise<Ran> {
  const { id, file, suite } = test
  unhandled.length = 0
  const cleanups: (() => unknown)[] = []
  const after = (work: () => unknown) => void cleanups.push(work)
  let begun = performance.now()
  const failed = await failureOf([
    () => prepare(suite, prepared),
    () => {
      // What it shares with others is no reason to call it a long one.
      begun = performance.now()
      stryker.currentTestId = id
      return test.run({ name: id, diagnostic: () => {}, after })
    },
    () => {
      if (unhandled.length > 0) throw unhandled[0]
    },
  ])
  const uncleaned = await failureOf(cleanups)
  const failure = failed ?? uncleaned
  stryker.currentTestId = undefined
  return { id, file, ms: performance.now() - begun, ...(failure !== undefined && { failure }) }
}

/** Undefined where all of it is done. */
async function failureOf(works: readonly (() => unknown)[]): Promise<string | undefined> {
  try {
    for (const work of works) await work()
    return undefined
  } catch (error) {
    return textOf(error)
  }
}

/** Once in each run, because a mutant may show itself here. */
async function prepare(suite: Suite, prepared: Set<Suite>): Promise<void> {
  if (prepared.has(suite)) return
  if (suite.outer) await prepare(suite.outer, prepared)
  stryker.currentTestId = suite.id
  for (const work of suite.before) await work()
  prepared.add(suite)
}

/** A test reaches what its suites reached before it. */
function reachedBefore(perTest: MutantCoverage['perTest'], suite: Suite, test: string): void {
  const reached = { ...perTest[test] }
  for (const [mutant, hits] of Object.entries(perTest[suite.id] ?? {})) {
    reached[mutant] = (reached[mutant] ?? 0) + hits
  }
  perTest[test] = reached
  if (suite.outer) reachedBefore(perTest, suite.outer, test)
}

/** What suites reached is told as their tests'. */
function forget(perTest: MutantCoverage['perTest'], { id, outer }: Suite): void {
  delete perTest[id]
  if (outer) forget(perTest, outer)
}

const textOf = (error: unknown) => (error instanceof Error ? String(error.stack) : String(error))
