/**
 * Puts the tenant together over its state: Entra and Graph as one function from call to answer,
 * and the operations of the control interface. Who carries the calls (a port of this machine, or
 * a test in the same process) is not its business.
 */
import { createOperations, type Operations } from './control/operations.ts'
import { createCounters } from './counters.ts'
import { createEntra } from './entra/endpoints.ts'
import { loadSigningKeys } from './entra/keys.ts'
import { createTokenService } from './entra/tokens.ts'
import type { FaultBoard } from './faults.ts'
import { createGraph } from './graph/service.ts'
import { createThrottle } from './graph/throttle.ts'
import { createUnitMeter } from './graph/units.ts'
import type { Answer, Call } from './http.ts'
import { type AppRegistration, DEFAULT_APPS, TENANT_ID } from './identities.ts'
import type { TenantState } from './state/tenant-state.ts'

export interface AssembleOptions {
  readonly state: TenantState
  readonly faults: FaultBoard
  readonly clock: () => number
  readonly identityHeader: string
  /** Where the tenant is reached; asked anew at each answer that names it. */
  readonly baseUrl: () => string
}

export interface AssembledTenant {
  handle(call: Call): Promise<Answer>
  readonly operations: Operations
}

export async function assembleTenant(options: AssembleOptions): Promise<AssembledTenant> {
  const { state, faults, baseUrl, clock: nowMs, identityHeader } = options
  const keys = await loadSigningKeys(state.db)
  const apps = grantedApps(state)
  const tokens = createTokenService({
    keys,
    tenantId: TENANT_ID,
    issuer: () => `${baseUrl()}/${TENANT_ID}/v2.0`,
    nowMs,
  })
  const throttle = createThrottle(nowMs)
  const units = createUnitMeter(nowMs, state.settings)
  const counters = createCounters()
  const graph = createGraph({ state, tokens, throttle, units, counters, faults, baseUrl })
  const entra = createEntra({
    tenantId: TENANT_ID,
    baseUrl,
    identityHeader,
    keys,
    tokens,
    app: (clientId) => apps.get(clientId),
    nowMs,
    tokenSeconds: () => state.settings.tokenSeconds,
  })
  return {
    handle: async (call) => (await entra(call)) ?? (await graph(call)),
    operations: createOperations({ state, tokens, counters, faults, throttle, units, apps }),
  }
}

function grantedApps(state: TenantState): Map<string, AppRegistration> {
  return new Map(
    DEFAULT_APPS.map((app) => {
      const stored = state.db.meta(`permissions:${app.clientId}`)
      const permissions: readonly string[] = stored ? JSON.parse(stored) : app.permissions
      return [app.clientId, { ...app, permissions }]
    }),
  )
}
