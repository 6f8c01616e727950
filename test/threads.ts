/**
 * Long test work in threads of its own: the test runner follows every promise of the test process,
 * which makes it three times slower, and two threads use two cores.
 *
 * A module that serves jobs is both ends: it calls `serve` where it runs as a thread, and its own
 * URL is the thread of `runIn`. Jobs and results are plain data.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

interface Answer<Result> {
  result?: Result
  error?: { message: string; stack: string }
}

/** Rejects with the error with which the job ended, as its thread saw it. */
export async function runIn<Job, Result>(module: URL, job: Job): Promise<Result> {
  const worker = new Worker(module, { workerData: job })
  const { promise, resolve, reject } = Promise.withResolvers<Answer<Result>>()
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', (code) => reject(new Error(`The thread ended with ${code} and no answer.`)))
  const { result, error } = await promise
  if (result !== undefined) return result
  if (error === undefined) throw new Error('The thread gave neither a result nor an error.')
  const { message, stack } = error
  throw Object.assign(new Error(message), { stack })
}

/** Does nothing in the main thread. `run` is told the job of this thread. */
export async function serve<Job, Result>(run: (job: Job) => Promise<Result>): Promise<void> {
  if (!isMainThread) parentPort?.postMessage(await answerOf(run, workerData as Job))
}

async function answerOf<Job, Result>(
  run: (job: Job) => Promise<Result>,
  job: Job,
): Promise<Answer<Result>> {
  try {
    return { result: await run(job) }
  } catch (error) {
    const { message, stack = message } = error instanceof Error ? error : new Error(String(error))
    return { error: { message, stack } }
  }
}
