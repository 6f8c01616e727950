/** The runs of the keeper and the expirer, each list of them in a thread of its own. */
import type { Fault } from '../../../sandbox/storage/index.ts'
import { runIn, serve } from '../../threads.ts'
import { dieAtEach, type Role } from './deaths.ts'
import { failAtEach } from './faults.ts'

type Job = { role: Role } | { fault: Fault }

/** How many points there were; rejects with the first that failed. */
export const inThread = (job: Job): Promise<number> => runIn(new URL(import.meta.url), job)

await serve((job: Job) => ('role' in job ? dieAtEach(job.role) : failAtEach(job.fault)))
