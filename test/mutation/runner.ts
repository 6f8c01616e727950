/**
 * A Stryker test runner for our tests. A process for each mutant and file (Stryker's TAP runner)
 * costs more than most of our tests take; here a thread imports all of them once (thread.ts), and
 * is made anew only for a mutant that acts when a module is loaded, and after one that hangs.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { StrykerOptions } from '@stryker-mutator/api/core'
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
import type { Order, Ran, RecordedOptions, ThreadData, Word } from './thread.ts'

export const optionsSchema = {
  properties: {
    recorded: {
      type: 'object',
      required: ['setup', 'testFiles', 'longestMs', 'enoughMs'],
      additionalProperties: false,
      properties: {
        setup: { type: 'string' },
        testFiles: { type: 'array', items: { type: 'string' } },
        longestMs: { type: 'number' },
        enoughMs: { type: 'number' },
      },
    },
  },
}

/** In the sandbox: how long each test took without a mutant. */
const DURATIONS_FILE = '.durations.json'
/** A test hangs after this and ten times what it took without a mutant, and loading after this. */
const HANGING_MS = 5000
/** Until they were run once, tests may take this long; so may the first import of them all. */
const UNKNOWN_MS = 60_000
/** A mutant that fills the memory ends its thread and not the machine. */
const resourceLimits = { maxOldGenerationSizeMb: 2048 }

type Answer = Extract<Word, { is: 'ran' }> | 'hangs' | 'died'

export class RecordedTestRunner implements TestRunner {
  static readonly inject = tokens(commonTokens.options)
  readonly #options: RecordedOptions
  #thread: Worker | undefined
  #durations: Record<string, number> = {}

  constructor(options: StrykerOptions) {
    this.#options = options['recorded'] as RecordedOptions
  }

  capabilities() {
    return { reloadEnvironment: true }
  }

  async dryRun(): Promise<DryRunResult> {
    const order = {
      mutant: undefined,
      file: undefined,
      tests: undefined,
      hitLimit: undefined,
      bail: false,
    }
    const answer = await this.#run(order, undefined)
    if (typeof answer === 'string') return hanging(answer)
    const durations = answer.results.map(({ id, ms }) => [id, ms])
    writeFileSync(DURATIONS_FILE, JSON.stringify(Object.fromEntries(durations)))
    // So that this thread, too, runs the quickest first.
    await this.dispose()
    const mutantCoverage = answer.coverage
    return { ...complete(answer.results), ...(mutantCoverage && { mutantCoverage }) }
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const {
      activeMutant,
      hitLimit,
      testFilter: tests,
      sandboxFileName,
      mutantActivation,
      disableBail,
    } = options
    if (options.reloadEnvironment) await this.dispose()
    const file = relative('.', sandboxFileName)
    const order = { mutant: activeMutant.id, file, tests, hitLimit, bail: !disableBail }
    const answer = await this.#run(order, mutantActivation === 'static' ? order.mutant : undefined)
    if (answer === 'hangs') return toMutantRunResult(hanging(answer))
    if (answer === 'died') {
      const failure = 'the thread of the tests ended'
      return toMutantRunResult(complete([{ id: failure, file: '', ms: 0, failure }]))
    }
    const limited = determineHitLimitReached(answer.hitCount, hitLimit)
    return toMutantRunResult(limited ?? complete(answer.results))
  }

  async dispose(): Promise<void> {
    await this.#thread?.terminate()
    this.#thread = undefined
  }

  /** Once at a time. A thread that does not answer in time is ended. */
  async #run(order: Order, mutantAtLoad: string | undefined): Promise<Answer> {
    this.#thread ??= this.#begin(mutantAtLoad)
    const thread = this.#thread
    const done = Promise.withResolvers<Answer>()
    const waitFor = (ms: number) => setTimeout(() => done.resolve('hangs'), ms)
    let timer = waitFor(UNKNOWN_MS)
    const hear = (word: Word) => {
      if (word.is === 'ran') return done.resolve(word)
      clearTimeout(timer)
      timer = waitFor(HANGING_MS + 10 * (this.#durations[word.id] ?? UNKNOWN_MS))
    }
    const died = () => done.resolve('died')
    thread.on('message', hear).on('error', died).on('exit', died)
    thread.postMessage(order)
    const answer = await done.promise
    clearTimeout(timer)
    thread.off('message', hear).off('error', died).off('exit', died)
    if (typeof answer === 'string') await this.dispose()
    return answer
  }

  #begin(mutantAtLoad: string | undefined): Worker {
    this.#durations = readDurations()
    const workerData: ThreadData = {
      ...this.#options,
      ...{ durations: this.#durations, mutantAtLoad },
    }
    return new Worker(new URL('thread.ts', import.meta.url), { workerData, resourceLimits })
  }
}

function complete(results: readonly Ran[]): DryRunResult {
  return { status: DryRunStatus.Complete, tests: results.map(resultOf) }
}

function resultOf({ id, file, ms, failure }: Ran): TestResult {
  const ran = { id, name: id, fileName: file, timeSpentMs: ms }
  if (failure === undefined) return { ...ran, status: TestStatus.Success }
  return { ...ran, status: TestStatus.Failed, failureMessage: failure }
}

function hanging(reason: string): DryRunResult {
  return { status: DryRunStatus.Timeout, reason }
}

function readDurations(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(DURATIONS_FILE, 'utf8')) as Record<string, number>
  } catch {
    return {}
  }
}
