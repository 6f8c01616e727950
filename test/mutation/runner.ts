/**
 * A Stryker test runner for our tests: all files are imported once, and for each mutant the tests
 * that reach it run in the same process, the quickest first, until one fails.
 *
 * A process for each mutant and file (Stryker's TAP runner) costs more than most of our tests
 * take. Mutants that act when a module is loaded get a fresh process from Stryker all the same,
 * and so does the runner after a mutant that never came to an end.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { InstrumenterContext, StrykerOptions } from '@stryker-mutator/api/core'
import { commonTokens, tokens } from '@stryker-mutator/api/plugin'
import {
  type DryRunResult,
  DryRunStatus,
  determineHitLimitReached,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner'
import { type RecordedTest, record, type Suite } from './recorded-tests.ts'

/** What the configuration says of this runner. */
export interface RecordedOptions {
  /** Imported before the tests. */
  setup: string
  testFiles: string[]
}

export const optionsSchema = {
  properties: {
    recorded: {
      type: 'object',
      required: ['setup', 'testFiles'],
      additionalProperties: false,
      properties: {
        setup: { type: 'string' },
        testFiles: { type: 'array', items: { type: 'string' } },
      },
    },
  },
}

/** In the sandbox: how long each test took without a mutant. */
const DURATIONS_FILE = '.durations.json'
/** Until they were run once, tests may take this long. */
const TEST_MS_UNKNOWN = 60_000
/** A test that waits for what never comes is given up after this and ten times what it took. */
const HANGING_MS = 5000
/** What a failed test has left running comes to its end before the next mutant. */
const SETTLING_MS = 5

// The instrumented files find their orders here, and leave word of what was reached.
const stryker: { [K in keyof InstrumenterContext]: InstrumenterContext[K] | undefined } = {}
Object.assign(globalThis, { __stryker__: stryker })

const unhandled: unknown[] = []

/** `tookMs`: without a mutant. */
type TimedTest = RecordedTest & { tookMs: number }

export class RecordedTestRunner implements TestRunner {
  static readonly inject = tokens(commonTokens.options)
  readonly #options: RecordedOptions
  #tests: TimedTest[] | undefined

  constructor(options: StrykerOptions) {
    this.#options = options['recorded'] as RecordedOptions
    process.on('unhandledRejection', (reason) => unhandled.push(reason))
  }

  capabilities() {
    return { reloadEnvironment: false }
  }

  async dryRun(): Promise<DryRunResult> {
    const tests = await this.#load()
    const results = await runAll(tests, false)
    const durations = results.map(({ id, timeSpentMs }) => [id, timeSpentMs])
    writeFileSync(DURATIONS_FILE, JSON.stringify(Object.fromEntries(durations)))
    const { mutantCoverage } = stryker
    for (const { id, suite } of tests) reachedBefore(suite, id)
    for (const { suite } of tests) delete mutantCoverage?.perTest[suite.id]
    return { ...complete(results), ...(mutantCoverage && { mutantCoverage }) }
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const { activeMutant, hitLimit, testFilter, mutantActivation } = options
    if (mutantActivation === 'static') stryker.activeMutant = activeMutant.id
    let tests: TimedTest[]
    try {
      tests = await this.#load()
    } catch (error) {
      return toMutantRunResult(complete([failed('loading the tests', 0, error)]))
    }
    const wanted = testFilter && new Set(testFilter)
    const chosen = tests.filter(({ id }) => wanted === undefined || wanted.has(id))
    Object.assign(stryker, { activeMutant: activeMutant.id, hitLimit, hitCount: 0 })
    const results = await runAll(chosen, !options.disableBail)
    const limited = determineHitLimitReached(stryker.hitCount, hitLimit)
    await wait(SETTLING_MS)
    stryker.activeMutant = undefined
    return toMutantRunResult(limited ?? complete(results))
  }

  /** The tests, the quickest first where that is known. */
  async #load(): Promise<TimedTest[]> {
    if (this.#tests !== undefined) return this.#tests
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier !== 'node:test') return next(specifier, context)
        return { url: import.meta.resolve('./recorded-tests.ts'), shortCircuit: true }
      },
    })
    const load = (path: string) => import(pathToFileURL(resolve(path)).href)
    await load(this.#options.setup)
    const tests: RecordedTest[] = []
    for (const file of globSync(this.#options.testFiles).sort()) {
      tests.push(...(await record(file, () => load(file))))
    }
    const durations = readDurations()
    this.#tests = tests
      .map((test) => ({ ...test, tookMs: durations[test.id] ?? TEST_MS_UNKNOWN }))
      .sort((a, b) => a.tookMs - b.tookMs)
    return this.#tests
  }
}

async function runAll(tests: readonly TimedTest[], bail: boolean): Promise<TestResult[]> {
  const results: TestResult[] = []
  const prepared = new Set<Suite>()
  for (const test of tests) {
    const result = await run(test, prepared)
    results.push(result)
    if (bail && result.status === TestStatus.Failed) break
  }
  for (const suite of prepared) for (const work of suite.after) await work()
  return results
}

async function run(test: TimedTest, prepared: Set<Suite>): Promise<TestResult> {
  const { id, file, suite } = test
  unhandled.length = 0
  const cleanups: (() => unknown)[] = []
  const begun = performance.now()
  const timeSpentMs = () => performance.now() - begun
  try {
    const after = (work: () => unknown) => void cleanups.push(work)
    await within(HANGING_MS + 10 * test.tookMs, async () => {
      await prepare(suite, prepared)
      stryker.currentTestId = id
      await test.run({ name: id, diagnostic: () => {}, after })
    })
    if (unhandled.length > 0) throw unhandled[0]
    const passed = { id, name: id, fileName: file, timeSpentMs: timeSpentMs() }
    return { ...passed, status: TestStatus.Success }
  } catch (error) {
    return failed(id, timeSpentMs(), error)
  } finally {
    for (const cleanup of cleanups) await cleanup()
    stryker.currentTestId = undefined
  }
}

/** Throws where the work hangs without keeping the process busy; Stryker sees to the others. */
async function within(ms: number, work: () => Promise<void>): Promise<void> {
  const done = new AbortController()
  const hangs = wait(ms, undefined, { signal: done.signal }).then(() => {
    throw new Error(`did not end in ${ms} ms`)
  })
  try {
    await Promise.race([work(), hangs])
  } finally {
    done.abort()
    hangs.catch(() => {})
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
function reachedBefore(suite: Suite, test: string): void {
  const perTest = stryker.mutantCoverage?.perTest ?? {}
  const reached = { ...perTest[test] }
  for (const [mutant, hits] of Object.entries(perTest[suite.id] ?? {})) {
    reached[mutant] = (reached[mutant] ?? 0) + hits
  }
  perTest[test] = reached
  if (suite.outer) reachedBefore(suite.outer, test)
}

function complete(tests: TestResult[]): DryRunResult {
  return { status: DryRunStatus.Complete, tests }
}

function failed(id: string, timeSpentMs: number, error: unknown): TestResult {
  const failureMessage = error instanceof Error ? String(error.stack) : String(error)
  return { id, name: id, timeSpentMs, status: TestStatus.Failed, failureMessage }
}

function readDurations(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(DURATIONS_FILE, 'utf8')) as Record<string, number>
  } catch {
    return {}
  }
}
