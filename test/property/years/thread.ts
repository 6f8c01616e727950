/** Stories, each list of them in a thread of its own. */
import { runIn, serve } from '../../threads.ts'
import { type Job, playStories, type Result } from './stories.ts'

/** Rejects with the report of the story that failed. */
export const inThread = (job: Job): Promise<Result> => runIn(new URL(import.meta.url), job)

await serve(playStories)
