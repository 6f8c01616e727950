/**
 * What the control interface can do to the tenant, apart from Graph: people's actions (deliver,
 * edit, move, delete ...), test set-up (tokens, permissions, faults), and the truth (snapshot).
 *
 * Each operation has a schema for its input and answers plain data. Folders are named by id,
 * well-known name or display path (`Inbox/Projects`); messages by either of their Graph ids.
 */
import { z } from 'zod'
import { seedTenant } from '../content/generator.ts'
import { importDirectory } from '../content/import-directory.ts'
import type { Counters } from '../counters.ts'
import type { TokenService } from '../entra/tokens.ts'
import type { FaultBoard } from '../faults.ts'
import type { Throttle } from '../graph/throttle.ts'
import type { UnitMeter } from '../graph/units.ts'
import { API_ROLES, type AppRegistration, GRAPH_RESOURCE } from '../identities.ts'
import { APP_TOKEN_SECONDS, USER_TOKEN_SECONDS } from '../limits.ts'
import { EXPIRED_LINK_FORMS, type TenantSettings } from '../state/settings.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { defined } from './defined.ts'
import { driveOperations } from './drive-operations.ts'
import { driveRansomOperation } from './drive-ransom-operation.ts'
import { driveTroubleOperations } from './drive-trouble-operations.ts'
import { driveTruthOperations } from './drive-truth-operations.ts'
import { faultOperations } from './fault-operations.ts'
import { mailboxOperations } from './mailbox-operations.ts'
import { ControlError, operation } from './operation.ts'
import { ransomOperation } from './ransom-operation.ts'
import { sharingOperations } from './sharing-operations.ts'
import { siteOperations } from './site-operations.ts'
import { troubleOperations } from './trouble-operations.ts'
import { userOperations } from './user-operations.ts'

export interface ControlDependencies {
  readonly state: TenantState
  readonly tokens: TokenService
  readonly counters: Counters
  readonly faults: FaultBoard
  readonly throttle: Throttle
  readonly units: UnitMeter
  /** App registrations by client id; the operations may change permissions in place. */
  readonly apps: Map<string, AppRegistration>
}

const Nothing = z.strictObject({})

const Rate = z.number().min(0).max(1).optional()
const Milliseconds = z.number().min(0).max(31_536_000_000).optional()

const Settings = z.strictObject({
  seed: z.number().int().optional(),
  mailAdvanced: z.boolean().optional(),
  deltaNoise: z.boolean().optional(),
  throttling: z.boolean().optional(),
  latencyMs: z.number().min(0).max(60_000).optional(),
  tokenSeconds: z.number().int().optional(),
  deltaLagMs: Milliseconds,
  filterLagMs: Milliseconds,
  silentChanges: Rate,
  replays: Rate,
  vanishing: Rate,
  renderedItemsMax: z.number().int().min(0).max(1_000).optional(),
  positionLinkMs: Milliseconds,
  deltaLinkMs: Milliseconds,
  linksKept: z.number().int().min(0).max(1_000_000).optional(),
  expiredLink: z.enum(EXPIRED_LINK_FORMS).optional(),
  uploadSessionMs: Milliseconds,
  sharePoint: z.boolean().optional(),
  unitsPerMinute: z.number().int().min(1).optional(),
  unitsPerDay: z.number().int().min(1).optional(),
  downloadUrlMs: Milliseconds,
  missingUrls: Rate,
  ignoredRanges: Rate,
  childrenListedMax: z.number().int().min(0).optional(),
  deletedDescendants: z.boolean().optional(),
  officeRewrites: z.boolean().optional(),
  lostOfficeFiles: Rate,
  uploadLagMs: Milliseconds,
  externalSharing: z.boolean().optional(),
})

const Seed = z.strictObject({
  seed: z.number().int(),
  users: z.number().int().min(0),
  messages: z.number().int().min(0),
  bodyBytes: z.number().int().min(1).optional(),
  files: z.number().int().min(0).optional(),
  folders: z.number().int().min(0).optional(),
  sites: z.number().int().min(0).optional(),
  fileBytes: z.number().int().min(0).optional(),
  oddFiles: z.boolean().optional(),
})

function tokenOperations({ state, tokens, apps }: ControlDependencies) {
  return {
    /** A token of a person for the product's API; people have no passwords here. */
    issueApiToken: operation(
      z.strictObject({
        name: z.string().min(1),
        roles: z.array(z.enum(API_ROLES)),
        lifeSeconds: z.number().int().optional(),
        nonce: z.string().optional(),
      }),
      async ({ name, roles, lifeSeconds = USER_TOKEN_SECONDS, nonce }) => ({
        token: await tokens.issueUser({
          name,
          roles,
          lifeSeconds,
          ...(nonce === undefined ? {} : { nonce }),
        }),
      }),
    ),
    /** A token of an app, also for another audience or already expired (negative life). */
    issueAppToken: operation(
      z.strictObject({
        clientId: z.string(),
        resource: z.string().optional(),
        lifeSeconds: z.number().int().optional(),
      }),
      async ({ clientId, resource = GRAPH_RESOURCE, lifeSeconds = APP_TOKEN_SECONDS }) => {
        const app = apps.get(clientId)
        if (!app) throw new ControlError(`there is no application ${clientId}`)
        return { token: await tokens.issueApp(app, resource, lifeSeconds) }
      },
    ),
    /** Grants exactly these Graph permissions; tokens issued before keep theirs. */
    setAppPermissions: operation(
      z.strictObject({ clientId: z.string(), permissions: z.array(z.string()) }),
      ({ clientId, permissions }) => {
        const app = apps.get(clientId)
        if (!app) throw new ControlError(`there is no application ${clientId}`)
        apps.set(clientId, { ...app, permissions })
        state.db.setMeta(`permissions:${clientId}`, JSON.stringify(permissions))
        return { permissions }
      },
    ),
  }
}

function tenantOperations({ state, counters, throttle, units }: ControlDependencies) {
  return {
    settings: operation(Settings, (change): TenantSettings => {
      state.changeSettings(defined(change))
      return state.settings
    }),
    seed: operation(Seed, (options) => seedTenant(state, defined(options))),
    /** `directory` is a path on the tenant's machine. */
    import: operation(z.strictObject({ directory: z.string() }), ({ directory }) =>
      importDirectory(state, directory),
    ),
    counts: operation(Nothing, () => counters.read()),
    resetCounts: operation(Nothing, () => {
      counters.reset()
      return {}
    }),
    resetThrottle: operation(Nothing, () => {
      throttle.reset()
      units.reset()
      return {}
    }),
  }
}

export function createOperations(dependencies: ControlDependencies) {
  return {
    ...tokenOperations(dependencies),
    ...faultOperations(dependencies.faults),
    ...tenantOperations(dependencies),
    ...userOperations(dependencies.state),
    ...mailboxOperations(dependencies.state),
    ...troubleOperations(dependencies.state),
    ...ransomOperation(dependencies.state),
    ...siteOperations(dependencies.state),
    ...driveOperations(dependencies.state),
    ...sharingOperations(dependencies.state),
    ...driveTroubleOperations(dependencies.state),
    ...driveTruthOperations(dependencies.state),
    ...driveRansomOperation(dependencies.state),
  }
}

export type Operations = ReturnType<typeof createOperations>
