/** The product's own Graph client over the simulated tenant, signed in as one of its apps. */
import type { ControlClient, Tenant } from '../../sandbox/tenant/index.ts'
import { httpTransport, systemClock, systemRandomness } from '../../src/adapters/system.ts'
import { createGovernor, createGraph, type Graph } from '../../src/graph/index.ts'
import type { Clock } from '../../src/ports.ts'

/** With a governor of its own, so that no pause of another client is left over. */
export async function graphAs(
  clientId: string,
  { tenant, control }: { tenant: Tenant; control: ControlClient },
  { clock = systemClock, ...more }: { clock?: Clock; attemptMs?: number } = {},
): Promise<Graph> {
  const random = systemRandomness
  const { token } = await control.issueAppToken({ clientId })
  return createGraph({
    baseUrl: tenant.url,
    scope: 'https://graph.microsoft.com/.default',
    app: clientId,
    tokens: { token: () => Promise.resolve({ token, expiresAt: Number.MAX_SAFE_INTEGER }) },
    transport: httpTransport,
    governor: createGovernor({ clock, random }),
    ...{ clock, random, ...more },
  })
}
