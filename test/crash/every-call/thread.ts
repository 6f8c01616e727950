/**
 * Explorations run in threads of their own: the test runner follows every promise of the test
 * process, which makes them three times slower, and two threads use two cores.
 *
 * This file is both ends: a job goes in, its result comes back, and an error rejects with the
 * text of its violation.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type Job, type JobResult, runJob } from './jobs.ts'

interface Answer {
  result?: JobResult
  error?: string
}

/** Rejects with the message of the violation where the job found one. */
export async function inThread(job: Job): Promise<JobResult> {
  const worker = new Worker(new URL(import.meta.url), { workerData: job })
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', (code) => reject(new Error(`The thread ended with ${code} and no answer.`)))
  const { result, error } = await promise
  if (result) return result
  throw new Error(error ?? 'The thread gave neither a result nor an error.')
}

async function answer(job: Job): Promise<Answer> {
  try {
    return { result: await runJob(job) }
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

if (!isMainThread) parentPort?.postMessage(await answer(workerData as Job))
