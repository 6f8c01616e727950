/** Rebuilds over the storage simulator: what they start from, and the process that works one. */
import { IDENTITIES, type SimulatedProcess } from '../../../sandbox/storage/index.ts'
import { AppError } from '../../../src/model/errors.ts'
import { seqName } from '../../../src/model/ids.ts'
import { DEFAULT_POLICY } from '../../../src/policy/index.ts'
import { newRebuild, rebuildStep } from '../../../src/runs/rebuild/index.ts'
import { type CaptureWorld, NEVER, OWNER, type Plants } from './capture-world.ts'

export const REBUILD = 'asked'
/** Some twenty calls: a rebuild of these mailboxes has several steps. */
const STEP_MS = 60
const LEASE_SLACK_MS = 60_000
/** A rebuild that is not done after so many steps never is. */
const STEPS_MAX = 300

export interface Rebuilder {
  process: SimulatedProcess
  /** Steps until it is done; what it must wait for passes at once. */
  rebuild(): Promise<void>
}

/** A person asks for it. */
export async function askForRebuild(world: CaptureWorld, scope: 'all' | 'named'): Promise<void> {
  const { catalogue } = world.built('reader', world.storage.process('person'))
  const given = { id: REBUILD, scope, by: 'person', owners: scope === 'all' ? [] : [OWNER] }
  await catalogue.rebuilds.insert(newRebuild(given, { now: world.storage.clock.now() }), NEVER)
}

/** A process with the rights of the backup role. */
export function rebuilder(world: CaptureWorld, name: string, plants: Plants = {}): Rebuilder {
  const process = world.storage.process(name)
  const { clock } = world.storage
  const deps = {
    ...world.built('writer', process, plants),
    ...{ clock, holder: name, sliceMs: STEP_MS, leaseSlackMs: LEASE_SLACK_MS },
    random: process.random.branch(1),
    erasures: { isErased: async () => false },
    policies: { read: async () => ({ n: 1, policy: DEFAULT_POLICY }) },
    log: { info: () => undefined, error: () => undefined },
  }
  const rebuild = async () => {
    for (let n = 0; n < STEPS_MAX; n += 1) {
      const answer = await stepOrAgain(() =>
        rebuildStep({ rebuild: REBUILD, attempt: 1 }, deps, NEVER),
      )
      if (answer?.state === 'done') return
      const waitUntil = answer?.state === 'wait' ? Date.parse(answer.nextAt) : clock.now() + 1000
      clock.advance(Math.max(0, waitUntil - clock.now()))
    }
    throw new Error('The rebuild does not end.')
  }
  return { process, rebuild }
}

/** The orchestration calls a step again that failed. */
async function stepOrAgain<T>(step: () => Promise<T>): Promise<T | undefined> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof AppError && error.kind !== 'bug') return undefined
    throw error
  }
}

/** Seqs of the commits that the vault has. */
export function commitsOf({ storage }: CaptureWorld): number {
  const names = storage.vault.names(`c/${OWNER}/mail/`)
  return names.filter((name) => name.endsWith('/commit.json')).length
}

/** The account comes back without what it had acknowledged last: every commit above `keep`. */
export function loseCommits({ storage }: CaptureWorld, keep: number): void {
  for (const name of storage.vault.names(`c/${OWNER}/mail/`)) {
    const seq = name.split('/')[3] ?? ''
    if (seq > seqName(keep)) storage.vault.removeVersion(IDENTITIES.account, name, 0)
  }
}
