/** Ports for tests that run a whole sandbox. */
import { checkPorts, portsFrom } from '../ports.ts'

const BASE_TRIES_MAX = 50

/** Six ports in a row that nobody has, below those that the system gives out. */
export async function freeBase(): Promise<number> {
  for (let n = 0; n < BASE_TRIES_MAX; n += 1) {
    const base = 20_000 + Math.floor(Math.random() * 1_000) * 6
    const isFree = await checkPorts(portsFrom(base)).then(
      () => true,
      () => false,
    )
    if (isFree) return base
  }
  throw new Error('no six free ports in a row')
}
