/**
 * Draws inputs, reads what depends on them, and counts what came of it. The first reading that
 * gives neither the truth nor a typed error ends the run, with the command that repeats it.
 */
import { AppError } from '../../src/model/errors.ts'
import { type Counts, count, noCounts } from './counts.ts'
import type { Input, Mutate } from './input.ts'
import { BLOB_MUTATORS } from './mutate-blobs.ts'
import { FORGERS } from './mutate-forged.ts'
import { planOf } from './plan.ts'
import { Prng } from './prng.ts'
import type { Desk, Reading } from './readings.ts'
import { SpoiltStore } from './spoilt-store.ts'
import { learnTruth, type Truth, vaultOn } from './truth.ts'

export interface Job {
  seed: number
  /** Numbers of inputs: from `from` on, each `every`th, below `below`. */
  from: number
  every: number
  below: number
}

/** Nothing here takes a second; other work on the machine may. */
const DEADLINE_MS = 60_000
/** What one input may leave in memory, before anything is collected. */
const GROWTH_BYTES_MAX = 512 * 1024 * 1024

/** Those of docs/format.md, section 9, and what the reading of keys and of a whole may say. */
const CODES: ReadonlySet<string> = new Set([
  ...['FormatUnknown', 'CommitVoid', 'CommitDamaged', 'BaseDamaged', 'ChainGap', 'ChainBlocked'],
  ...['PackDamaged', 'SegmentDamaged', 'SegmentMissing', 'ContentDamaged', 'OwnerRecordDamaged'],
  ...['WrappedKeyDamaged', 'KeyMissing', 'IndexSecretLost', 'ContentTooLarge'],
  // Of the tables, into which a commit is put that only a thief could have written.
  ...['CatalogueGap', 'RowTooLarge'],
])

/** Somebody who waits for 100,000 inputs wants to know how far it came. */
const TOLD_EVERY = 5000

const MUTATORS: readonly Mutate[] = [...BLOB_MUTATORS, ...FORGERS].flatMap(([weight, mutate]) =>
  Array.from({ length: weight }, () => mutate),
)

export async function runJob(job: Job): Promise<Counts> {
  const truth = await learnTruth()
  const counts = noCounts()
  for (let n = job.from; n < job.below; n += job.every) {
    await runInput(truth, job.seed, n, counts)
    if (n > job.from && n % TOLD_EVERY === 0) process.stderr.write(`input ${n}: no violation\n`)
  }
  return counts
}

export async function runInput(
  truth: Truth,
  seed: number,
  n: number,
  counts: Counts,
): Promise<void> {
  const prng = new Prng(seed, n)
  const input = await draw(truth, prng)
  const plan = planOf(truth, input, prng)
  const before = bytesHeld()
  const met = new Set<string>()
  for (const reading of plan) {
    const outcome = await outcomeOf(truth, input, reading).catch((error) => {
      throw failed(seed, n, { input, reading, error })
    })
    met.add(outcome)
    count(counts.readingsBy, reading.what, outcome)
  }
  const grown = bytesHeld() - before
  counts.grownBytesMax = Math.max(counts.grownBytesMax, grown)
  if (grown > GROWTH_BYTES_MAX) {
    throw failed(seed, n, { input, error: new Error(`${grown} bytes more are held`) })
  }
  counts.inputs += 1
  counts.readings += plan.length
  count(counts.mutators, input.mutator, worst(met))
}

async function draw(truth: Truth, prng: Prng): Promise<Input> {
  for (;;) {
    const input = await prng.pick(MUTATORS)(truth, prng)
    if (input !== undefined) return input
  }
}

/** Reported where anything was, or recovered where anything was read that had been changed. */
function worst(met: ReadonlySet<string>): string {
  const code = [...met].find((outcome) => CODES.has(outcome))
  return code ?? (met.has('recovered') ? 'recovered' : 'unaffected')
}

async function outcomeOf(truth: Truth, input: Input, reading: Reading): Promise<string> {
  const store = new SpoiltStore(truth.blobs, input.changes)
  const signal = AbortSignal.timeout(DEADLINE_MS)
  const vault = vaultOn(truth, store)
  const desk: Desk = { truth, store, vault, forged: input.forged, signal }
  try {
    await reading.read(desk)
  } catch (error) {
    return codeOf(error, reading)
  }
  if (signal.aborted) throw new Error('The reading took longer than its deadline.')
  return store.touched ? 'recovered' : 'unaffected'
}

/** Throws where the error is none that a person could act on, or none should be. */
function codeOf(error: unknown, { sure }: Reading): string {
  if (!(error instanceof AppError) || !CODES.has(error.code)) throw error
  // A reader stops at a format that it does not know, whatever else would serve.
  if (sure && error.code !== 'FormatUnknown') throw error
  return error.code
}

function bytesHeld(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

interface Failure {
  input: Input
  reading?: Reading
  error: unknown
}

function failed(seed: number, n: number, { input, reading, error }: Failure): Error {
  const said = error instanceof AppError ? `${error.code}: ` : ''
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const sure = reading?.sure ? ' (which must give the truth)' : ''
  return new Error(
    `seed ${seed}, input ${n}: ${input.mutator}, ${input.what}\n` +
      `read: ${reading?.what ?? 'all'}${sure}\n${said}${why}\n` +
      `repeat: HOLDFAST_FUZZ_SEED=${seed} HOLDFAST_FUZZ_ONLY=${n} npm run test:fuzz`,
    { cause: error },
  )
}
