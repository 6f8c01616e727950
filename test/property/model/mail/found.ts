/** Stories that once failed, as short as they could be made, and what was wrong. */
import type { Story } from '../story.ts'
import type { MailDoing } from './doings.ts'

/** No bases, and no commits of cursors. */
const NO_UPKEEP = { shardItems: 1000, baseCommits: 1000, baseAgeMs: 1e12, cursorCommitMs: 1e12 }

const arrive = (folder: number) =>
  ({ step: 'arrive', folder, isLong: false, hasFile: false }) as const

export const FOUND: readonly { readonly wrong: string; readonly story: Story<MailDoing> }[] = [
  {
    wrong: 'mail that left a folder and came back between two reads was told deleted',
    story: {
      ...{ commitEvents: 1, pageSize: 2, seed: 0, upkeep: NO_UPKEEP },
      steps: [
        arrive(0),
        { step: 'round' },
        { step: 'delete', message: 0, how: 'soft' },
        { step: 'move', message: 0, folder: 0 },
        { step: 'round' },
      ],
    },
  },
  {
    wrong: 'mail that a lagging folder still showed was told deleted where it had been moved to',
    story: {
      ...{ commitEvents: 1, pageSize: 50, seed: 680725, upkeep: NO_UPKEEP },
      steps: [
        arrive(996),
        arrive(172),
        { step: 'lag', folder: 826, ms: 90_000 },
        { step: 'delete', message: 630, how: 'recoverable' },
        { step: 'make-folder', parent: 857, hidden: false },
        { step: 'move', message: 408, folder: 750 },
        arrive(885),
        { step: 'round' },
      ],
    },
  },
]
