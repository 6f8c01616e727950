/**
 * One file that is larger than any pack and than the worker's memory. The tenant makes its bytes
 * while they are read; Azurite keeps them on disk, because they fit nowhere else.
 */
import { backUp } from '../backup.ts'
import { watchMemory } from '../memory.ts'
import { type BenchStack, SEED, type Surroundings, withStack } from './bench-stack.ts'
import type { LargeMeasured } from './files-figures.ts'
import { NO_BUDGET, setBudgetAside } from './no-budget.ts'

const GB = 1_000_000_000

export function measureLarge(gb: number, surroundings: Surroundings): Promise<LargeMeasured> {
  surroundings.out.write(`one file of ${gb} GB\n`)
  return withStack(surroundings, { settings: NO_BUDGET }, (bench) => measure(bench, gb))
}

async function measure(
  { stack, api, out, signal }: BenchStack,
  gb: number,
): Promise<LargeMeasured> {
  const { control, workerPids } = stack
  await setBudgetAside(control)
  const { drive } = await control.createSite({ path: '/sites/large', displayName: 'Large' })
  await control.putFile({ drive, path: 'Large.bin', generated: { seed: SEED, size: gb * GB } })
  const memory = watchMemory(() => workerPids)
  const title = 'large file'
  const result = await backUp({ api, control, title, total: 1, out, signal })
  await memory.stop()
  return { gb, result, mb: memory.peakMb(), workerDeaths: workerPids.length - 1 }
}
