/** What the vault itself says of a world's stream, past its tables. */
import { CHAIN_START, followChain, type VaultCommit } from '../../vault/index.ts'
import type { StreamVault } from '../../vault/types.ts'
import type { World } from './world.ts'

type Streamed = Pick<World, 'vault' | 'owner' | 'signal'>

export function streamOf({ vault, owner, signal }: Streamed): Promise<StreamVault> {
  return vault.stream(owner, 'mail', signal)
}

/** Every commit that can be read, in their order; others are passed over. */
export async function commitsOf(world: Streamed): Promise<VaultCommit[]> {
  const commits: VaultCommit[] = []
  const steps = followChain(await streamOf(world), CHAIN_START, world.signal)
  for await (const { step } of steps) if (step.is === 'commit') commits.push(step.commit)
  return commits
}
