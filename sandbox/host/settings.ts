/**
 * The app's settings as this host uses them: host.json, the environment, `%NAME%` in bindings.
 *
 * Every value of host.json is either used, known to be without effect here, or reported at the
 * start (host-json.ts); none is dropped in silence.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { InstanceIdRule } from './durable/instance-ids.ts'
import {
  type VersionFailureStrategy,
  type VersionMatchStrategy,
  versionFailureStrategies,
  versionMatchStrategies,
} from './durable/versioning.ts'
import { HostError } from './errors.ts'
import { readHostJson } from './host-json.ts'
import { readJsonFile } from './json-file.ts'
import type { LocalSettings } from './local-settings.ts'

/** What a caller may set over host.json; every member has the unit in its name. */
export interface HostSettings {
  readonly functionTimeoutMs: number
  /** Path before every HTTP route, without slashes; '' for none. */
  readonly routePrefix: string
  /** Set on every answer of an HTTP function. */
  readonly customHeaders: Readonly<Record<string, string>>
  /** Names of the functions that run; undefined for all. */
  readonly functions: readonly string[] | undefined
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
  /** The next batch is taken when no more than this many messages of a function are in work. */
  readonly newBatchThreshold: number
  readonly maxDequeueCount: number
  readonly messageEncoding: 'base64' | 'none'
}

export interface ReadSettings {
  readonly settings: HostSettings
  /** About members of host.json that have no effect here, for the log. */
  readonly warnings: readonly string[]
}

export interface SettingsSources {
  readonly appDir: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Defaults that host.json wins over. */
  readonly profile?: Partial<HostSettings>
  /** What wins over host.json. */
  readonly overrides: Partial<HostSettings>
}

const unlimitedTimeoutMs = 2 ** 31 - 1

/**
 * Reads host.json of the app; throws `bad-setting` that names what is wrong. `env` holds the app
 * settings: some of them win over the file, and `%NAME%` means them.
 */
export function readSettings(options: SettingsSources): ReadSettings {
  const { appDir, env, profile = {}, overrides } = options
  const { at, warnings } = readHostJson(readJsonFile(join(appDir, 'host.json')), env)
  const perCore = 10 * availableParallelism()
  const number = (path: string, otherwise: number): number => {
    const found = at(path)
    return typeof found === 'number' ? found : otherwise
  }
  const text = (path: string, otherwise: string): string => {
    const found = at(path)
    return typeof found === 'string' ? resolveSettingNames(found, env) : otherwise
  }
  const batchSize = number('extensions.queues.batchSize', 16)
  const settings: HostSettings = {
    functionTimeoutMs: Math.min(
      number('functionTimeout', profile.functionTimeoutMs ?? 30 * 60_000),
      unlimitedTimeoutMs,
    ),
    routePrefix: text('extensions.http.routePrefix', 'api').replace(/^\/+|\/+$/g, ''),
    customHeaders: headersOf(at('extensions.http.customHeaders')),
    functions: textsOf(at('functions')),
    hubName: checkedHubName(text('extensions.durableTask.hubName', 'TestHubName')),
    defaultVersion: text('extensions.durableTask.defaultVersion', '') || null,
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
    maxConcurrentActivityFunctions: number(
      'extensions.durableTask.maxConcurrentActivityFunctions',
      profile.maxConcurrentActivityFunctions ?? perCore,
    ),
    maxConcurrentOrchestratorFunctions: number(
      'extensions.durableTask.maxConcurrentOrchestratorFunctions',
      profile.maxConcurrentOrchestratorFunctions ?? perCore,
    ),
    timerGranularityMs: 1000,
    payloadLimitBytes: profile.payloadLimitBytes ?? null,
    instanceIdRule: profile.instanceIdRule ?? 'azure-storage',
    explain: true,
    stallBackOffMs: 10_000,
    retryDelayMs: 1000,
    httpDeadlineMs: 100_000,
    httpAsyncSleepMs: number(
      'extensions.durableTask.httpSettings.defaultAsyncRequestSleepTimeMilliseconds',
      30_000,
    ),
    statusPageSize: 100,
    keysEnforced: true,
    queues: {
      maxPollingIntervalMs: number('extensions.queues.maxPollingInterval', 2000),
      visibilityTimeoutMs: number('extensions.queues.visibilityTimeout', 0),
      batchSize,
      newBatchThreshold: number('extensions.queues.newBatchThreshold', Math.floor(batchSize / 2)),
      maxDequeueCount: number('extensions.queues.maxDequeueCount', 5),
      messageEncoding: at('extensions.queues.messageEncoding') === 'none' ? 'none' : 'base64',
    },
    workerDeathsMax: Number.POSITIVE_INFINITY,
    drainMs: 10_000,
    ...overrides,
  }
  return { settings, warnings }
}

/** The environment of the app: the caller's over local.settings.json. */
export function readEnvironment(
  local: LocalSettings,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const merged: Record<string, string> = { ...local.values }
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

/** host-json.ts has checked it; what is not set is the default. */
function oneOf<T extends string>(value: unknown, known: readonly T[], otherwise: T): T {
  return known.find((name) => name === value) ?? otherwise
}

function checkedHubName(name: string): string {
  if (/^[a-z][a-z\d]{2,44}$/i.test(name)) return name
  throw new HostError(
    'bad-setting',
    `host.json: extensions.durableTask.hubName is "${name}"; it must be 3 to 45 letters and ` +
      'digits, a letter first',
  )
}

function headersOf(value: unknown): Readonly<Record<string, string>> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
  return Object.fromEntries(entries.map(([name, header]) => [name, String(header)]))
}

function textsOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.map(String) : undefined
}
