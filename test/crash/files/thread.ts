/** The runs of slices that read files, each list of them in a thread of its own. */
import type { Moment } from '../../../sandbox/storage/index.ts'
import { runIn, serve } from '../../threads.ts'
import { dieAtEach, type Runs, sleepAtSome } from './runs.ts'

type Job = { dies: Moment } | { sleepsMinutes: number }

/** Rejects with the first run that failed. */
export const inThread = (job: Job): Promise<Runs> => runIn(new URL(import.meta.url), job)

await serve((job: Job) => ('dies' in job ? dieAtEach(job.dies) : sleepAtSome(job.sleepsMinutes)))
