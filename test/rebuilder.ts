/** The process that works a rebuild over the storage simulator, step by step. */
import type { SimulatedProcess, SimulatedStorage } from '../sandbox/storage/index.ts'
import type { Catalogue } from '../src/catalogue/types.ts'
import { AppError } from '../src/model/errors.ts'
import { DEFAULT_POLICY } from '../src/policy/index.ts'
import { rebuildStep } from '../src/runs/rebuild/index.ts'
import type { VaultApi } from '../src/vault/types.ts'

/** Some twenty calls: a rebuild of the owners of these tests has several steps. */
const STEP_MS = 60
const LEASE_SLACK_MS = 60_000
/** A rebuild that is not done after so many steps never is. */
const STEPS_MAX = 300

export interface Rebuilder {
  process: SimulatedProcess
  /** Steps until it is done; what it must wait for passes at once. */
  rebuild(): Promise<void>
}

export interface RebuilderOptions {
  storage: Pick<SimulatedStorage, 'clock'>
  process: SimulatedProcess
  /** With the rights of the backup role, over that process. */
  built: { vault: VaultApi; catalogue: Catalogue }
  /** Names the process in leases. */
  holder: string
  /** The rebuild that was asked for. */
  id: string
}

export function rebuilderOf(options: RebuilderOptions, signal: AbortSignal): Rebuilder {
  const { storage, process, built, holder, id } = options
  const { clock } = storage
  const deps = {
    ...{ ...built, clock, holder, sliceMs: STEP_MS, leaseSlackMs: LEASE_SLACK_MS },
    random: process.random.branch(1),
    erasures: { isErased: async () => false },
    policies: { read: async () => ({ n: 1, policy: DEFAULT_POLICY }) },
    log: { info: () => undefined, error: () => undefined },
  }
  const rebuild = async () => {
    for (let n = 0; n < STEPS_MAX; n += 1) {
      const answer = await stepOrAgain(() => rebuildStep({ rebuild: id, attempt: 1 }, deps, signal))
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
