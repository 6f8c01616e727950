/**
 * Begins a rebuild by itself where the tables were lost: no `ready` row, and the vault has owners.
 *
 * Only then. A head row that names what the vault does not hold means that committed blobs are
 * gone; they may still be found among deleted versions, and a stream that goes on writes over
 * their place. So that one is for a person to ask for (decision 012).
 */
import type { Catalogue, Rebuild } from '../../catalogue/types.ts'
import { hasCode } from '../../model/errors.ts'
import type { Clock, TableStore } from '../../ports.ts'
import type { VaultApi } from '../../vault/types.ts'
import { newRebuild } from './work-list.ts'

export interface BeginDeps {
  catalogue: Pick<Catalogue, 'ready' | 'rebuilds'>
  vault: Pick<VaultApi, 'owners'>
  tables: Pick<TableStore, 'prepare'>
  clock: Pick<Clock, 'now'>
}

/** Newest rebuilds looked at: one that is open is among them. */
const REBUILDS_MAX = 50

/** The rebuild to start; undefined: none is needed, or one is under way. */
export async function rebuildIfLost(
  deps: BeginDeps,
  signal: AbortSignal,
): Promise<Rebuild | undefined> {
  if ((await isReady(deps.catalogue, signal)) || !(await hasOwners(deps, signal))) return undefined
  await deps.tables.prepare(signal)
  if (await openRebuild(deps.catalogue, signal)) return undefined
  const now = deps.clock.now()
  const id = `lost-${new Date(now).toISOString().slice(0, 16).replaceAll(/[-:]/g, '')}`
  const rebuild = newRebuild({ id, scope: 'all', by: 'timer', owners: [] }, { now })
  return (await deps.catalogue.rebuilds.insert(rebuild, signal)) ? rebuild : undefined
}

/** A rebuild of everything that is not over; undefined: there is none. */
export async function openRebuild(
  catalogue: Pick<Catalogue, 'rebuilds'>,
  signal: AbortSignal,
): Promise<Rebuild | undefined> {
  const { items } = await catalogue.rebuilds.list({ max: REBUILDS_MAX }, signal)
  return items.find(({ scope, state }) => scope === 'all' && state !== 'done')
}

/** False also where there are no tables. */
export async function isReady(
  catalogue: Pick<Catalogue, 'ready'>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await catalogue.ready(signal)
  } catch (error) {
    if (!hasCode(error, 'TablesMissing')) throw error
    return false
  }
}

/** A vault without a container is one before its setup. */
async function hasOwners({ vault }: BeginDeps, signal: AbortSignal): Promise<boolean> {
  try {
    for await (const _owner of vault.owners(signal)) return true
    return false
  } catch (error) {
    if (!hasCode(error, 'ContainerMissing')) throw error
    return false
  }
}
