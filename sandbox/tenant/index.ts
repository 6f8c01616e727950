/**
 * The simulated Microsoft 365 tenant: Entra sign-in and Graph v1.0 on one port, the control
 * interface on another, one SQLite file for everything. See README.md for what it serves.
 */

import { assembleTenant } from './assemble.ts'
import { type SeedOptions, seedTenant } from './content/generator.ts'
import { type Imported, importDirectory } from './content/import-directory.ts'
import { createControl } from './control/service.ts'
import { createFaultBoard } from './faults.ts'
import { type HttpService, serve } from './http.ts'
import { DEFAULT_IDENTITY_HEADER, TENANT_ID } from './identities.ts'
import { DEFAULT_SETTINGS, type TenantSettings } from './state/settings.ts'
import { TenantState } from './state/tenant-state.ts'

export type {
  DriveItemSnapshot,
  DriveSnapshot,
  FileVersionSnapshot,
} from './control/drive-snapshot.ts'
export type { SiteSnapshot } from './control/site-snapshot.ts'
export type {
  AttachmentSnapshot,
  FolderSnapshot,
  MailboxSnapshot,
  MessageSnapshot,
} from './control/snapshot.ts'
export { type ControlClient, ControlRefusal, createControlClient } from './control-client.ts'
export type { RequestCounts } from './counters.ts'
export { FAULT_KINDS, type FaultKind } from './fault-kinds.ts'
export type { FaultAction, FaultSpec, FaultState } from './faults.ts'
export {
  API_RESOURCE,
  API_ROLES,
  type ApiRole,
  BACKUP_CLIENT_ID,
  BACKUP_CLIENT_SECRET,
  DEFAULT_IDENTITY_HEADER,
  GRAPH_RESOURCE,
  RESTORE_CLIENT_ID,
  RESTORE_CLIENT_SECRET,
  TENANT_ID,
} from './identities.ts'
export { type InProcessTenant, openTenant } from './in-process.ts'
export { EXPIRED_LINK_FORMS, type ExpiredLinkForm, type TenantSettings } from './state/settings.ts'

export interface TenantOptions {
  /** 0 or missing: a free port. */
  readonly port?: number
  readonly controlPort?: number
  /** SQLite file; missing: in memory, gone when the tenant stops. */
  readonly stateFile?: string
  /** Fills a tenant that has no users yet; one that has keeps what it has. */
  readonly seed?: SeedOptions
  /**
   * A folder of `.eml` files, or one with `emails/` and `files/` in it, imported into a tenant
   * that imported nothing yet.
   */
  readonly importDirectory?: string
  readonly settings?: Partial<TenantSettings>
  /** What the managed identity endpoint expects in X-IDENTITY-HEADER. */
  readonly identityHeader?: string
  /** Epoch milliseconds; tests set it to let tokens and windows run out. */
  readonly clock?: () => number
  /** Told of errors that are bugs of the tenant; they are also answered as 500. */
  readonly onBug?: (error: unknown) => void
}

export interface Tenant {
  /** Graph is below `/v1.0`, sign-in below `/{tenantId}`, managed identity at `/msi/token`. */
  readonly url: string
  readonly controlUrl: string
  readonly tenantId: string
  readonly identityHeader: string
  /** What the start's import brought, if there was one. */
  readonly imported: Imported | null
  stop(): Promise<void>
}

async function fill(state: TenantState, options: TenantOptions): Promise<Imported | null> {
  if (options.seed && state.users.all().length === 0) seedTenant(state, options.seed)
  const { importDirectory: importFrom } = options
  if (importFrom === undefined || state.db.meta('imported') !== undefined) return null
  const result = await importDirectory(state, importFrom)
  state.db.setMeta('imported', JSON.stringify(result))
  return result
}

/** Starts the tenant in this process; `stop` ends its servers and closes its file. */
export async function startTenant(options: TenantOptions = {}): Promise<Tenant> {
  const clock = options.clock ?? Date.now
  const state = new TenantState({
    file: options.stateFile ?? ':memory:',
    tenantId: TENANT_ID,
    settings: { ...DEFAULT_SETTINGS, ...options.settings },
    clock,
  })
  const services: HttpService[] = []
  const faults = createFaultBoard(() => state.settings.seed)
  const stop = async () => {
    faults.clear()
    await Promise.all(services.map((service) => service.stop()))
    state.close()
  }
  try {
    const imported = await fill(state, options)
    state.trouble.startHere()
    const identityHeader = options.identityHeader ?? DEFAULT_IDENTITY_HEADER
    const started = await startServices({ ...options, clock, identityHeader }, { state, faults })
    services.push(...started)
    const [graph, control] = started
    return {
      url: graph.url,
      controlUrl: control.url,
      tenantId: TENANT_ID,
      identityHeader,
      imported,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

type ServiceOptions = TenantOptions & Required<Pick<TenantOptions, 'clock' | 'identityHeader'>>

async function startServices(
  options: ServiceOptions,
  { state, faults }: { state: TenantState; faults: ReturnType<typeof createFaultBoard> },
): Promise<readonly [HttpService, HttpService]> {
  const place: { url: string } = { url: '' }
  const { clock, identityHeader } = options
  const baseUrl = () => place.url
  const tenant = await assembleTenant({ state, faults, clock, identityHeader, baseUrl })
  const onBug = options.onBug ?? ((error: unknown) => console.error(error))
  const first = await serve({
    port: options.port ?? 0,
    handle: tenant.handle,
    onBug,
  })
  place.url = first.url
  const control = createControl(tenant.operations)
  try {
    return [first, await serve({ port: options.controlPort ?? 0, handle: control, onBug })]
  } catch (error) {
    await first.stop()
    throw error
  }
}
