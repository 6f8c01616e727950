/** Explorations, each in a thread of its own. */
import { runIn, serve } from '../../threads.ts'
import { type Job, type JobResult, runJob } from './jobs.ts'

/** Rejects with the message of the violation where the job found one. */
export const inThread = (job: Job): Promise<JobResult> => runIn(new URL(import.meta.url), job)

await serve(runJob)
