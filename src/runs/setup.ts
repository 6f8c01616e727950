/**
 * Setup: makes what is missing of containers, tables, queues, vault format and policy, and then
 * marks the catalogue as ready. Safe to call again.
 *
 * A vault that has owners while the catalogue is not ready means a lost catalogue: only a rebuild
 * may mark that ready, because new owner ids would fork every chain (DESIGN 4, roll forward).
 */
import type { Catalogue } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import type { PolicyStore } from '../policy/index.ts'
import type { QueueSender, TableStore } from '../ports.ts'
import type { VaultApi } from '../vault/types.ts'

export interface SetupDeps {
  containers: readonly { prepare(signal: AbortSignal): Promise<void> }[]
  tables: Pick<TableStore, 'prepare'>
  queues: Pick<QueueSender, 'prepare'>
  vault: Pick<VaultApi, 'prepare' | 'owners'>
  policies: Pick<PolicyStore, 'prepare'>
  catalogue: Pick<Catalogue, 'ready' | 'markReady'>
}

export type SetupDone = Readonly<Record<string, boolean>>

/** Throws `RebuildNeeded` and what storage throws. */
export function createSetup(deps: SetupDeps): (signal: AbortSignal) => Promise<SetupDone> {
  return async (signal) => {
    for (const container of deps.containers) await container.prepare(signal)
    await deps.tables.prepare(signal)
    await deps.queues.prepare(signal)
    await deps.vault.prepare(signal)
    await deps.policies.prepare(signal)
    const wasReady = await deps.catalogue.ready(signal)
    if (!wasReady) {
      await refuseLostCatalogue(deps, signal)
      await deps.catalogue.markReady(signal)
    }
    return { ready: true, wasReady }
  }
}

async function refuseLostCatalogue(deps: SetupDeps, signal: AbortSignal): Promise<void> {
  for await (const _owner of deps.vault.owners(signal)) {
    throw new AppError({
      code: 'RebuildNeeded',
      kind: 'permanent',
      message: 'The vault holds owners, and the catalogue is empty: the tables were lost.',
      hint: 'It is rebuilt by itself within minutes, or now by POST /api/v1/rebuilds; then call again.',
    })
  }
}
