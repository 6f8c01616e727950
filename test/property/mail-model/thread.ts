/**
 * Stories run in threads of their own: the test runner follows every promise of the test process,
 * which makes them three times slower, and two threads use two cores. Both ends are in this file.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type Job, playStories, type Result } from './stories.ts'

interface Answer {
  result?: Result
  error?: string
}

/** Rejects with the report of the story that failed. */
export async function inThread(job: Job): Promise<Result> {
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
    return { result: await playStories(job) }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

if (!isMainThread) parentPort?.postMessage(await answer(workerData as Job))
