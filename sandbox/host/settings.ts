/**
 * The app's settings as this host uses them: host.json, the environment, `%NAME%` in bindings.
 *
 * Every value of host.json is either used, known to be without effect here, or reported at the
 * start; none is dropped in silence. local.settings.json is read when it is there (its Values
 * fill gaps in the environment, they never replace what the caller set).
 */
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { InstanceIdRule } from './durable/instance-ids.ts'
import {
  type VersionFailureStrategy,
  type VersionMatchStrategy,
  versionFailureStrategies,
  versionMatchStrategies,
} from './durable/versioning.ts'
import { errorText, HostError } from './errors.ts'

/** What a caller may set over host.json; every member has the unit in its name. */
export interface HostSettings {
  readonly functionTimeoutMs: number
  /** Path before every HTTP route, without slashes; '' for none. */
  readonly routePrefix: string
  readonly hubName: string
  readonly defaultVersion: string | null
  readonly versionMatchStrategy: VersionMatchStrategy
  readonly versionFailureStrategy: VersionFailureStrategy
  readonly maxConcurrentActivityFunctions: number
  readonly maxConcurrentOrchestratorFunctions: number
  /**
   * Durable timers fire this much too early at most: delays are cut to whole steps, as the queue
   * visibility of the real backend does. 0 makes them exact.
   */
  readonly timerGranularityMs: number
  /** A larger input, result, output, event or state is an error; null for no limit. */
  readonly payloadLimitBytes: number | null
  readonly instanceIdRule: InstanceIdRule
  /** Say in the log, once per instance, why an instance will never go on. */
  readonly explain: boolean
  /** Each work item waits so long after two children were started under one id. */
  readonly stallBackOffMs: number
  /** Before an episode or batch that timed out or broke is repeated. */
  readonly retryDelayMs: number
  /** One request of callHttp at most; the original has the 100 s of .NET's HTTP client. */
  readonly httpDeadlineMs: number
  /** Between two polls of callHttp when the answer has no Retry-After. */
  readonly httpAsyncSleepMs: number
  readonly statusPageSize: number
  /** Whether HTTP functions ask for the key of their authLevel, as in Azure; Core Tools do not. */
  readonly keysEnforced: boolean
  readonly queues: QueueSettings
  /** Unexpected worker ends after which the host ends too; the real host has 3. */
  readonly workerDeathsMax: number
  /** How long stop() waits for running functions before it abandons them. */
  readonly drainMs: number
}

export interface QueueSettings {
  readonly maxPollingIntervalMs: number
  readonly visibilityTimeoutMs: number
  readonly batchSize: number
  readonly maxDequeueCount: number
  readonly messageEncoding: 'base64' | 'none'
}

export interface ReadSettings {
  readonly settings: HostSettings
  /** Paths of host.json members that this host does not act on, for the log. */
  readonly unused: readonly string[]
}

const unlimitedTimeoutMs = 2 ** 31 - 1
const usedPaths: ReadonlySet<string> = new Set([
  'version',
  'functionTimeout',
  'extensions.http.routePrefix',
  'extensions.durableTask.hubName',
  'extensions.durableTask.defaultVersion',
  'extensions.durableTask.versionMatchStrategy',
  'extensions.durableTask.versionFailureStrategy',
  'extensions.durableTask.maxConcurrentActivityFunctions',
  'extensions.durableTask.maxConcurrentOrchestratorFunctions',
  'extensions.durableTask.httpSettings.defaultAsyncRequestSleepTimeMilliseconds',
  'extensions.queues.maxPollingInterval',
  'extensions.queues.visibilityTimeout',
  'extensions.queues.batchSize',
  'extensions.queues.maxDequeueCount',
  'extensions.queues.messageEncoding',
])

/** Sections about the platform around the host: accepted, without effect, not worth a warning. */
const platformSections = ['extensionBundle.', 'logging.', '$schema'] as const

/** Reads host.json of the app; throws `bad-setting` with the path of the member at fault. */
export function readSettings(
  appDir: string,
  overrides: Partial<HostSettings>,
  profile: Partial<HostSettings> = {},
): ReadSettings {
  const root = readJsonObject(join(appDir, 'host.json'))
  const at = (path: string): unknown => memberAt(root, path)
  checkVisibility(at)
  const perCore = 10 * availableParallelism()
  const settings: HostSettings = {
    functionTimeoutMs: timeoutOf(at('functionTimeout'), profile.functionTimeoutMs),
    routePrefix: text(at('extensions.http.routePrefix'), 'api').replace(/^\/+|\/+$/g, ''),
    hubName: text(at('extensions.durableTask.hubName'), 'TestHubName'),
    defaultVersion: optionalText(at('extensions.durableTask.defaultVersion')),
    versionMatchStrategy: oneOf(
      at('extensions.durableTask.versionMatchStrategy'),
      versionMatchStrategies,
      'CurrentOrOlder',
    ),
    versionFailureStrategy: oneOf(
      at('extensions.durableTask.versionFailureStrategy'),
      versionFailureStrategies,
      'Reject',
    ),
    maxConcurrentActivityFunctions: count(
      at('extensions.durableTask.maxConcurrentActivityFunctions'),
      profile.maxConcurrentActivityFunctions ?? perCore,
    ),
    maxConcurrentOrchestratorFunctions: count(
      at('extensions.durableTask.maxConcurrentOrchestratorFunctions'),
      profile.maxConcurrentOrchestratorFunctions ?? perCore,
    ),
    timerGranularityMs: 1000,
    payloadLimitBytes: profile.payloadLimitBytes ?? null,
    instanceIdRule: profile.instanceIdRule ?? 'azure-storage',
    explain: true,
    stallBackOffMs: 10_000,
    retryDelayMs: 1000,
    httpDeadlineMs: 100_000,
    httpAsyncSleepMs: count(
      at('extensions.durableTask.httpSettings.defaultAsyncRequestSleepTimeMilliseconds'),
      30_000,
    ),
    statusPageSize: 100,
    keysEnforced: true,
    queues: {
      maxPollingIntervalMs: duration(at('extensions.queues.maxPollingInterval'), 2000),
      visibilityTimeoutMs: duration(at('extensions.queues.visibilityTimeout'), 0),
      batchSize: count(at('extensions.queues.batchSize'), 16),
      maxDequeueCount: count(at('extensions.queues.maxDequeueCount'), 5),
      messageEncoding: encodingOf(at('extensions.queues.messageEncoding')),
    },
    workerDeathsMax: Number.POSITIVE_INFINITY,
    drainMs: 10_000,
    ...overrides,
  }
  const unused = leafPaths(root).filter(
    (path) => !usedPaths.has(path) && !platformSections.some((start) => path.startsWith(start)),
  )
  return { settings, unused }
}

/** The environment of the app: the caller's over local.settings.json. */
export function readEnvironment(
  appDir: string,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const values = memberAt(readJsonObject(join(appDir, 'local.settings.json')), 'Values')
  const merged: Record<string, string> = {}
  for (const [name, value] of Object.entries(isObject(values) ? values : {})) {
    merged[name] = String(value)
  }
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined) merged[name] = value
  }
  return merged
}

/** Replaces `%NAME%` by the app setting; an unknown name is an error, as in the real host. */
export function resolveSettingNames(
  value: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  return value.replace(/%([^%]+)%/g, (_whole, name: string) => {
    const found = env[name]
    if (found === undefined) {
      throw new HostError('bad-setting', `"${value}" names the app setting ${name}, which is unset`)
    }
    return found
  })
}

function checkVisibility(at: (path: string) => unknown): void {
  const provider = 'extensions.durableTask.storageProvider'
  for (const name of ['controlQueueVisibilityTimeout', 'workItemQueueVisibilityTimeout']) {
    const value = at(`${provider}.${name}`)
    if (value === undefined) continue
    const milliseconds = duration(value, 0)
    if (milliseconds < 60_000 || milliseconds > 3_600_000) {
      throw new HostError('bad-setting', `${provider}.${name} must be between 1 and 60 minutes`)
    }
  }
}

function timeoutOf(value: unknown, defaultMs = 30 * 60_000): number {
  if (value === '-1') return unlimitedTimeoutMs
  return duration(value, defaultMs)
}

/** A .NET TimeSpan text, `[d.]hh:mm:ss[.fff]`, in milliseconds. */
export function parseTimeSpan(value: string): number | undefined {
  const match = /^(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?$/.exec(value)
  if (match === null) return undefined
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = match
  const whole = (Number(days) * 24 + Number(hours)) * 3600 + Number(minutes) * 60
  return Math.round((whole + Number(seconds)) * 1000)
}

function duration(value: unknown, defaultMs: number): number {
  if (value === undefined) return defaultMs
  const parsed = typeof value === 'string' ? parseTimeSpan(value) : undefined
  if (parsed === undefined) {
    throw new HostError('bad-setting', `host.json: ${JSON.stringify(value)} is no hh:mm:ss`)
  }
  return Math.min(parsed, unlimitedTimeoutMs)
}

function count(value: unknown, defaultCount: number): number {
  if (value === undefined) return defaultCount
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
    throw new HostError('bad-setting', `host.json: ${JSON.stringify(value)} is no positive number`)
  }
  return value
}

function text(value: unknown, defaultText: string): string {
  return typeof value === 'string' ? value : defaultText
}

function optionalText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

function oneOf<T extends string>(value: unknown, known: readonly T[], otherwise: T): T {
  if (value === undefined) return otherwise
  const found = known.find((name) => name.toLowerCase() === String(value).toLowerCase())
  if (found !== undefined) return found
  throw new HostError('bad-setting', `host.json: ${JSON.stringify(value)} is none of ${known}`)
}

function encodingOf(value: unknown): 'base64' | 'none' {
  return typeof value === 'string' && value.toLowerCase() === 'none' ? 'none' : 'base64'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function memberAt(root: unknown, path: string): unknown {
  let current = root
  for (const name of path.split('.')) {
    if (!isObject(current)) return undefined
    current = current[name]
  }
  return current
}

function leafPaths(value: unknown, prefix = ''): string[] {
  if (!isObject(value)) return [prefix]
  return Object.entries(value).flatMap(([name, member]) =>
    leafPaths(member, prefix === '' ? name : `${prefix}.${name}`),
  )
}

function readJsonObject(path: string): Record<string, unknown> {
  if (!existsSync(path)) return {}
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (isObject(value)) return value
    throw new Error('it is no JSON object')
  } catch (error) {
    throw new HostError('bad-setting', `${path} cannot be read: ${errorText(error)}`, {
      cause: error,
    })
  }
}
