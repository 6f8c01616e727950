/** Vault and catalogue as a rebuild and a comparison work with them. */
import { systemClock, systemRandomness } from '../../src/adapters/system.ts'
import { createCatalogue } from '../../src/catalogue/index.ts'
import type { Catalogue } from '../../src/catalogue/types.ts'
import type { TableStore } from '../../src/ports.ts'
import type { Erasures } from '../../src/runs/rebuild/index.ts'
import type { VaultApi } from '../../src/vault/index.ts'
import { isErased } from '../../src/vault/retention/index.ts'
import { type OpsOptions, openOps } from '../open/ops.ts'
import type { VaultOptions } from '../open/options.ts'
import { openTables, type TableOptions } from '../open/tables.ts'
import { openWithKeys } from '../open/vault.ts'

export interface OpenCatalogue {
  vault: VaultApi
  tables: TableStore
  catalogue: Catalogue
  erasures: Erasures
  tenantId: string
  /** False: there are no records of erasures to look at. */
  knowsErasures: boolean
}

/** `lockDays`: for how many days new blobs of this vault are locked. */
export async function openCatalogue(
  options: VaultOptions & TableOptions & OpsOptions & { lockDays: number },
  signal: AbortSignal,
): Promise<OpenCatalogue> {
  const tables = await openTables(options)
  const { api: vault } = await openWithKeys(options, signal)
  const tenantId = options.tenant
  const catalogue = createCatalogue({
    ...{ tables, tenantId, clock: systemClock, random: systemRandomness },
    ...{ protectionDays: options.lockDays, generationDays: 0 },
  })
  const ops = await openOps(options, signal)
  const erasures: Erasures = {
    isErased: async (owner, abort) => ops !== undefined && (await isErased(ops, owner, abort)),
  }
  return { vault, tables, catalogue, erasures, tenantId, knowsErasures: ops !== undefined }
}
