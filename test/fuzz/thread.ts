/** Inputs of the fuzzer, in a thread of their own. */
import { runIn, serve } from '../threads.ts'
import type { Counts } from './counts.ts'
import { type Job, runJob } from './run.ts'

/** Rejects with the failure of the first input that ended in none of what may be. */
export const inThread = (job: Job): Promise<Counts> => runIn(new URL(import.meta.url), job)

await serve(runJob)
