/** A sandbox for one part of the bench, in a temporary folder, gone when the part is over. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { type ApiClient, createApiClient } from '../api-client.ts'
import { openDataDir } from '../data-dir.ts'
import { type Stack, type StackOptions, startStack } from '../stack.ts'
import { NO_TICKS } from '../tick.ts'

export const SEED = 7
/** Hints are due at every tick, and ticks come when the bench says so. */
const SETTINGS = {
  ...{ HOLDFAST_WAVE_PAUSE_SECONDS: '1', HOLDFAST_BACKUP_INTERVAL_MINUTES: '0' },
  ...NO_TICKS,
}

/** Where figures are on their way to be shown, and what ends the bench early. */
export interface Surroundings {
  out: NodeJS.WriteStream
  signal: AbortSignal
}

export interface BenchStack extends Surroundings {
  stack: Stack
  api: ApiClient
  /** Empty, and removed with everything else. */
  folder: string
}

/** Everything is stopped and removed, also where the work fails. */
export async function withStack<T>(
  { out, signal }: Surroundings,
  options: Pick<StackOptions, 'seed' | 'settings' | 'azuriteInMemory'>,
  work: (bench: BenchStack) => Promise<T>,
): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-bench-'))
  const dir = openDataDir(path, { fresh: true })
  let stack: Stack | undefined
  try {
    stack = await startStack({
      ...{ ...options, dir, log: (text) => out.write(`${pc.dim(text)}\n`) },
      settings: { ...SETTINGS, ...options.settings },
    })
    const { apiUrl, control } = stack
    const api = createApiClient({ apiUrl, control, signal, roles: ['Admin', 'Operator'] })
    await api.setup()
    return await work({ out, signal, stack, api, folder: join(path, 'work') })
  } finally {
    await stack?.stop()
    dir.release(true)
    await rm(path, { recursive: true, force: true })
  }
}
