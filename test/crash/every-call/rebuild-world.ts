/** Rebuilds over the storage simulator: what they start from, and the process that works one. */
import { IDENTITIES } from '../../../sandbox/storage/index.ts'
import { seqName } from '../../../src/model/ids.ts'
import { newRebuild } from '../../../src/runs/rebuild/index.ts'
import { type Rebuilder, rebuilderOf } from '../../rebuilder.ts'
import { type CaptureWorld, NEVER, OWNER, type Plants } from './capture-world.ts'

export const REBUILD = 'asked'

/** A person asks for it. */
export async function askForRebuild(world: CaptureWorld, scope: 'all' | 'named'): Promise<void> {
  const { catalogue } = world.built('reader', world.storage.process('person'))
  const given = { id: REBUILD, scope, by: 'person', owners: scope === 'all' ? [] : [OWNER] }
  await catalogue.rebuilds.insert(newRebuild(given, { now: world.storage.clock.now() }), NEVER)
}

/** A process with the rights of the backup role. */
export function rebuilder(world: CaptureWorld, holder: string, plants: Plants = {}): Rebuilder {
  const { storage } = world
  const process = storage.process(holder)
  const built = world.built('writer', process, plants)
  return rebuilderOf({ storage, process, built, holder, id: REBUILD }, NEVER)
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
