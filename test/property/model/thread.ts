/** Stories, each list of them in a thread of its own. */
import { runIn, serve } from '../../threads.ts'
import { KINDS, type KindName } from './kinds.ts'
import type { Job, Result } from './stories.ts'

interface KindJob extends Job {
  kind: KindName
}

/** Rejects with the report of the story that failed. */
export const inThread = (job: KindJob): Promise<Result> => runIn(new URL(import.meta.url), job)

await serve(({ kind, ...job }: KindJob) => KINDS[kind].play(job))
