/**
 * What the Functions host loads: reads the settings, builds the adapters that they name, and
 * registers the functions of this app's role. Nothing here knows whether it runs on Azure.
 */
import { hostname } from 'node:os'
import { app } from '@azure/functions'
import { createAccess } from './access/index.ts'
import { azureBlobStore } from './adapters/azure-blob.ts'
import { azureBlobVersions } from './adapters/azure-blob-versions.ts'
import { managedIdentity, tokenSource } from './adapters/azure-identity.ts'
import { azureQueueSender } from './adapters/azure-queue.ts'
import { azureTableStore } from './adapters/azure-table.ts'
import { keyVaultKeys } from './adapters/key-vault.ts'
import { localKeys } from './adapters/local-keys.ts'
import { httpTransport, systemClock, systemRandomness } from './adapters/system.ts'
import { createAudit } from './audit/index.ts'
import { type SliceSettings, sliceBytes } from './capture/index.ts'
import { createCatalogue, SPENT_WITHIN_MS, withAzureLimits } from './catalogue/index.ts'
import { BACKUP_BUDGET, type BudgetLimits, type Catalogue } from './catalogue/types.ts'
import { MemoryPool } from './concurrency/index.ts'
import { readSettings, type Settings } from './config.ts'
import { registerBackup } from './functions/backup.ts'
import { registerHttp } from './functions/http/index.ts'
import { registerRebuild } from './functions/rebuild.ts'
import { registerReconciler } from './functions/reconcile.ts'
import { registerRestore } from './functions/restore.ts'
import { registerVerify } from './functions/verify.ts'
import {
  type ChunkSource,
  createDirectory,
  createGovernor,
  createGraph,
  createSites,
  type Governor,
  type Graph,
  SERVICE_LIMITS,
  sharedPurse,
  sharePointLimits,
  windowedPurse,
} from './graph/index.ts'
import { WORKLOADS } from './model/ids.ts'
import { createPolicyStore } from './policy/index.ts'
import type { OwnerKeys } from './ports.ts'
import { createRestore } from './restore/index.ts'
import { createSetup, type RunDeps, type RunLog, siteSource, userSource } from './runs/index.ts'
import { createVault } from './vault/index.ts'
import { createWorkloads } from './workloads/registry.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const MIB = 1024 * 1024
/** One item of a base in memory, about: it is built in the memory that a slice has claimed. */
const STATE_ITEM_BYTES = 2048
/** Units of SharePoint's budget that a worker claims at once: a few seconds of a small tenant's. */
const CHUNK_UNITS = 50
const SYSTEM_ASSIGNED = 'system-assigned'
const TOOL_VERSION = 'holdfast/0.1.0'
/** Silence of a run that is longer than a slice with all its slack. */
const HEARTBEAT_SLACK_MS = 5 * MINUTE_MS

const log: RunLog = {
  info: (event, fields) => console.log(JSON.stringify({ event, ...fields })),
  error: (event, fields) => console.error(JSON.stringify({ event, ...fields })),
}

type StorageAddress =
  | { connectionString: string }
  | { url: string; credential: ReturnType<typeof managedIdentity> }

function storageAddress(
  connection: string | undefined,
  url: string | undefined,
  clientId: string | undefined,
): StorageAddress {
  if (connection !== undefined) return { connectionString: connection }
  return { url: url ?? '', credential: managedIdentity(clientId) }
}

function ownerKeys(settings: Settings): OwnerKeys {
  const { HOLDFAST_KEY_FILE: folder, HOLDFAST_KEY_VAULT_URL: url } = settings
  if (folder !== undefined) return localKeys(folder)
  return keyVaultKeys({ url: url ?? '', credential: managedIdentity(undefined) })
}

function unitsOf(settings: Settings): BudgetLimits {
  return {
    perMinute: settings.HOLDFAST_SHAREPOINT_UNITS_PER_MINUTE,
    perDay: settings.HOLDFAST_SHAREPOINT_UNITS_PER_DAY,
  }
}

/** Which of the apps speaks to Graph: each has budgets of its own. */
interface GraphRole {
  clientId: string | undefined
  budget: string
}

/** The tenant's SharePoint budget is one for all workers; a mailbox's is spent by one at a time. */
function governorOf(settings: Settings, { budget }: GraphRole, { budgets }: Catalogue): Governor {
  const limits = unitsOf(settings)
  const source: ChunkSource = {
    claim: (units, signal) => budgets.claim(budget, { units, limits }, signal),
    pause: (until, signal) => budgets.pause(budget, until, signal),
  }
  return createGovernor({
    clock: systemClock,
    random: systemRandomness,
    limits: { ...SERVICE_LIMITS, sharepoint: sharePointLimits(limits) },
    purseOf: ({ service }, { windows }) =>
      service === 'sharepoint'
        ? sharedPurse({ source, chunkUnits: CHUNK_UNITS, chunkMs: SPENT_WITHIN_MS })
        : windowedPurse(windows),
  })
}

function graphAs(settings: Settings, role: GraphRole, catalogue: Catalogue): Graph {
  return createGraph({
    baseUrl: settings.HOLDFAST_GRAPH_URL,
    scope: settings.HOLDFAST_GRAPH_SCOPE,
    app: role.clientId ?? SYSTEM_ASSIGNED,
    tokens: tokenSource(managedIdentity(role.clientId)),
    transport: httpTransport,
    governor: governorOf(settings, role, catalogue),
    clock: systemClock,
    random: systemRandomness,
  })
}

function workloadsOf(settings: Settings, graph: Graph, { clientId }: GraphRole) {
  return createWorkloads({
    graph,
    clock: systemClock,
    tenant: settings.HOLDFAST_TENANT_ID,
    app: clientId ?? SYSTEM_ASSIGNED,
    pageSizes: { messages: settings.HOLDFAST_PAGE_SIZE, files: settings.HOLDFAST_FILE_PAGE_SIZE },
    includeInfected: settings.HOLDFAST_INFECTED_FILES === 'capture',
  })
}

function sliceSettings(settings: Settings): SliceSettings {
  const packBytes = settings.HOLDFAST_PACK_MIB * MIB
  return {
    commitEvents: settings.HOLDFAST_COMMIT_EVENTS,
    packBytes,
    deletionLagMs: settings.HOLDFAST_DELETION_LAG_MINUTES * MINUTE_MS,
    sliceMs: settings.HOLDFAST_SLICE_SECONDS * SECOND_MS,
    leaseSlackMs: settings.HOLDFAST_LEASE_SLACK_SECONDS * SECOND_MS,
    intervalMs: settings.HOLDFAST_BACKUP_INTERVAL_MINUTES * MINUTE_MS,
    fullReadMs: settings.HOLDFAST_FULL_READ_MINUTES * MINUTE_MS,
    protectionDays: settings.HOLDFAST_PROTECTION_DAYS,
    cursorCommitMs: settings.HOLDFAST_CURSOR_COMMIT_HOURS * HOUR_MS,
    baseAgeMs: settings.HOLDFAST_BASE_DAYS * DAY_MS,
    baseCommits: settings.HOLDFAST_BASE_COMMITS,
    permissionsMs: settings.HOLDFAST_PERMISSIONS_DAYS * DAY_MS,
    samplesMs: settings.HOLDFAST_SAMPLE_DAYS * DAY_MS,
    samplePercent: settings.HOLDFAST_SAMPLE_PERCENT,
    shardItems: Math.floor(sliceBytes({ packBytes }) / STATE_ITEM_BYTES),
  }
}

/** Everything that more than one role needs. */
function buildCore(settings: Settings) {
  const backupId = settings.HOLDFAST_BACKUP_CLIENT_ID
  const vaultAt = storageAddress(
    settings.HOLDFAST_VAULT_CONNECTION,
    settings.HOLDFAST_VAULT_URL,
    backupId,
  )
  const vaultBlobs = azureBlobStore({ ...vaultAt, container: 'vault' })
  const opsBlobs = azureBlobStore({ ...vaultAt, container: 'ops' })
  const tables = azureTableStore(
    storageAddress(settings.HOLDFAST_TABLES_CONNECTION, settings.HOLDFAST_TABLES_URL, backupId),
  )
  const queues = azureQueueSender(
    storageAddress(settings.HOLDFAST_QUEUES, settings.HOLDFAST_QUEUES_URL, backupId),
  )
  const clock = systemClock
  const random = systemRandomness
  const keys = ownerKeys(settings)
  const vault = createVault({
    vault: vaultBlobs,
    ops: opsBlobs,
    keys,
    clock,
    random,
    packBytes: settings.HOLDFAST_PACK_MIB * MIB,
    toolVersion: TOOL_VERSION,
  })
  const catalogue = createCatalogue({
    tables,
    tenantId: settings.HOLDFAST_TENANT_ID,
    clock,
    random,
    protectionDays: settings.HOLDFAST_PROTECTION_DAYS,
    generationDays: settings.HOLDFAST_GENERATION_DAYS,
  })
  const policies = createPolicyStore(opsBlobs, clock)
  const setup = createSetup({
    containers: [vaultBlobs, opsBlobs],
    tables,
    queues,
    vault,
    policies,
    catalogue,
  })
  const blobs = { vault: vaultBlobs, ops: opsBlobs, at: vaultAt }
  return { clock, random, blobs, keys, vault, catalogue, policies, queues, tables, setup }
}

type Core = ReturnType<typeof buildCore>

function registerBackupRole(settings: Settings, core: Core): void {
  const { clock, random, vault, catalogue, policies, tables } = core
  const role = { clientId: settings.HOLDFAST_BACKUP_CLIENT_ID, budget: BACKUP_BUDGET }
  const graph = graphAs(settings, role, catalogue)
  const workloads = workloadsOf(settings, graph, role)
  const slice = sliceSettings(settings)
  const instance = Buffer.from(core.random.bytes(6)).toString('hex')
  const deps: RunDeps = {
    catalogue,
    vault,
    policies,
    clock,
    random,
    sources: [
      userSource(createDirectory(graph, settings.HOLDFAST_TENANT_ID)),
      siteSource(createSites(graph, settings.HOLDFAST_TENANT_ID)),
    ],
    slice: {
      vault,
      catalogue,
      clock,
      workload: (name) => workloads[name],
      settings: slice,
    },
    memory: new MemoryPool(settings.HOLDFAST_BUFFER_MIB * MIB),
    runSettings: {
      lanes: settings.HOLDFAST_LANES,
      slotMs: settings.HOLDFAST_SLOT_MINUTES * MINUTE_MS,
      wavePauseMs: settings.HOLDFAST_WAVE_PAUSE_SECONDS * SECOND_MS,
      sliceMs: slice.sliceMs,
      leaseSlackMs: slice.leaseSlackMs,
      units: unitsOf(settings),
    },
    holder: `${hostname()}-${instance}`,
    log,
  }
  const { sliceMs, leaseSlackMs } = slice
  registerBackup(deps)
  registerRebuild({ ...deps, tables, erasures: vault, sliceMs, leaseSlackMs })
}

function restoreOf(settings: Settings, core: Core) {
  const role = { clientId: settings.HOLDFAST_RESTORE_CLIENT_ID, budget: 'sharepoint-restore' }
  const graph = graphAs(settings, role, core.catalogue)
  const workloads = workloadsOf(settings, graph, role)
  return createRestore({
    catalogue: core.catalogue,
    vault: core.vault,
    pins: core.blobs.ops,
    workloads: (name) => workloads[name],
    clock: core.clock,
    random: core.random,
    settings: {
      lagMs: settings.HOLDFAST_RESTORE_LAG_SECONDS * SECOND_MS,
      sliceMs: settings.HOLDFAST_SLICE_SECONDS * SECOND_MS,
      leaseMarginMs: settings.HOLDFAST_LEASE_SLACK_SECONDS * SECOND_MS,
    },
  })
}

/** With the rights of the restore role: it opens what it verifies. */
function registerVerification(settings: Settings, core: Core): void {
  const { blobs, keys, catalogue, vault, clock, random } = core
  const isLooking = settings.HOLDFAST_VERIFY_LOCKS === 'check'
  const locks = {
    protectionDays: settings.HOLDFAST_PROTECTION_DAYS,
    generationDays: settings.HOLDFAST_GENERATION_DAYS,
  }
  registerVerify({
    ...{ catalogue, vault, keys, clock, random, log },
    ...{ store: blobs.vault, ops: blobs.ops },
    ...(isLooking && { versions: azureBlobVersions({ ...blobs.at, container: 'vault' }) }),
    settings: {
      everyDays: settings.HOLDFAST_VERIFY_DAYS,
      openPercent: settings.HOLDFAST_VERIFY_PERCENT,
      ...(isLooking && { locks }),
    },
    sliceMs: settings.HOLDFAST_SLICE_SECONDS * SECOND_MS,
    slackMs: settings.HOLDFAST_LEASE_SLACK_SECONDS * SECOND_MS + MINUTE_MS,
  })
}

function registerAccessRole(settings: Settings, core: Core): void {
  const { clock, random, tables, catalogue, vault, queues, policies, setup } = core
  registerHttp(app, {
    access: createAccess({
      authorityUrl: settings.HOLDFAST_AUTHORITY_URL,
      tenantId: settings.HOLDFAST_TENANT_ID,
      audience: settings.HOLDFAST_API_AUDIENCE,
      fetch,
      clock,
    }),
    audit: createAudit({ tables: withAzureLimits(tables), clock, random }),
    catalogue,
    vault,
    queues,
    restore: restoreOf(settings, core),
    policy: policies,
    workloads: WORKLOADS,
    setup: (_by, signal) => setup(signal),
    clock,
    random,
    log,
  })
}

function start(): void {
  const settings = readSettings(process.env)
  const role = settings.HOLDFAST_ROLE
  const core = buildCore(settings)
  const has = (name: Settings['HOLDFAST_ROLE']) => role === name || role === 'all'
  const sliceMs = settings.HOLDFAST_SLICE_SECONDS * SECOND_MS
  if (has('backup')) registerBackupRole(settings, core)
  if (has('access')) registerAccessRole(settings, core)
  if (has('restore')) {
    const restore = restoreOf(settings, core)
    registerRestore({ catalogue: core.catalogue, restore, clock: core.clock, sliceMs })
    registerVerification(settings, core)
  }
  if (has('backup') || has('restore')) {
    const slackMs = settings.HOLDFAST_LEASE_SLACK_SECONDS * SECOND_MS + HEARTBEAT_SLACK_MS
    registerReconciler({
      catalogue: core.catalogue,
      clock: core.clock,
      log,
      heartbeatMs: sliceMs + slackMs,
      queuedMs: settings.HOLDFAST_START_WITHIN_SECONDS * SECOND_MS,
      runs: has('backup'),
      jobs: has('restore'),
    })
  }
}

start()
