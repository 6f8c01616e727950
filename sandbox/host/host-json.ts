/**
 * host.json 2.0: what each member must be, and what this host makes of it.
 *
 * Names ignore letter case, numbers and flags may be texts, and comments and last commas are read,
 * as by the real host. A wrong value stops the start, as it stops the real host's; a member that
 * has an effect in Azure and none here, and one that nobody knows, is named in a warning. App
 * settings `AzureFunctionsJobHost__path__to__member` win over the file.
 */
import { HostError } from './errors.ts'
import { parseTimeSpan } from './time-span.ts'

interface Kind {
  /** What is expected, to be read after "must be". */
  readonly expected: string
  /** The value as this host uses it; undefined when it is wrong. */
  readonly read: (value: unknown) => unknown
}

/**
 * used: this host acts on it. platform: about the platform around a host, without meaning on one
 * machine. none: has an effect in Azure and none here, which a warning says.
 */
type Effect = 'used' | 'platform' | 'none'

interface Rule {
  readonly kind: Kind
  readonly effect: Effect
}

const text: Kind = {
  expected: 'a text',
  read: (value) => (isScalar(value) ? String(value) : undefined),
}
const flag: Kind = {
  expected: 'true or false',
  read: (value) => {
    const found = /^(true|false)$/i.exec(String(value))
    return found === null ? undefined : found[0].toLowerCase() === 'true'
  },
}
const anything: Kind = { expected: 'any value', read: (value) => value ?? null }
const texts: Kind = {
  expected: 'a list of texts',
  read: (value) => (Array.isArray(value) && value.every(isScalar) ? value.map(String) : undefined),
}
const headers: Kind = {
  expected: 'an object of texts',
  read: (value) => {
    if (!isObject(value) || !Object.values(value).every(isScalar)) return undefined
    return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, String(own)]))
  },
}

function integer(low = 0, high = 2 ** 31 - 1): Kind {
  const upTo = high === 2 ** 31 - 1 ? `of at least ${low}` : `from ${low} to ${high}`
  return {
    expected: `a whole number ${upTo}`,
    read: (value) => {
      const number = isScalar(value) && String(value).trim() !== '' ? Number(value) : Number.NaN
      return Number.isInteger(number) && number >= low && number <= high ? number : undefined
    },
  }
}

function choice(...names: readonly string[]): Kind {
  return {
    expected: names.join(' or '),
    read: (value) => names.find((name) => name.toLowerCase() === String(value).toLowerCase()),
  }
}

/** In milliseconds. */
function duration(lowMs = 0, highMs = Number.MAX_SAFE_INTEGER, range = ''): Kind {
  return {
    expected: `a time as hh:mm:ss${range}`,
    read: (value) => {
      const found = typeof value === 'string' ? parseTimeSpan(value) : undefined
      return found !== undefined && found >= lowMs && found <= highMs ? found : undefined
    },
  }
}

const minutes1To60 = duration(60_000, 3_600_000, ' between 1 and 60 minutes')
const number: Kind = {
  expected: 'a number',
  read: (value) =>
    isScalar(value) && String(value) !== '' && Number.isFinite(Number(value))
      ? Number(value)
      : undefined,
}
const timeout: Kind = {
  expected: 'a time as hh:mm:ss, longer than a second, or -1 for none',
  read: (value) => {
    if (String(value) === '-1') return Number.POSITIVE_INFINITY
    const found = typeof value === 'string' ? parseTimeSpan(value) : undefined
    return found !== undefined && found >= 1000 ? found : undefined
  },
}
/** Checked again after `%NAME%` is replaced, see settings.ts. */
const hubName: Kind = {
  expected: '3 to 45 letters and digits, a letter first, or %NAME%',
  read: (value) => {
    const found = String(value)
    return /^([a-z][a-z\d]{2,44}|%[^%]+%)$/i.test(found) ? found : undefined
  },
}

function rules(effect: Effect, kinds: Readonly<Record<string, Kind>>): [string, Rule][] {
  return Object.entries(kinds).map(([path, kind]) => [path.toLowerCase(), { kind, effect }])
}

/** Members by their path in lower case. Behind `.*` everything is taken as it is. */
const known: ReadonlyMap<string, Rule> = new Map([
  ...rules('used', {
    version: { expected: '"2.0"', read: (value) => (value === '2.0' ? value : undefined) },
    functionTimeout: timeout,
    functions: texts,
    'extensions.http.routePrefix': text,
    'extensions.http.customHeaders': headers,
    'extensions.queues.maxPollingInterval': duration(100, undefined, ', at least 00:00:00.100'),
    'extensions.queues.visibilityTimeout': duration(),
    'extensions.queues.batchSize': integer(1, 32),
    'extensions.queues.newBatchThreshold': integer(),
    'extensions.queues.maxDequeueCount': integer(1),
    'extensions.queues.messageEncoding': choice('base64', 'none'),
    'extensions.durableTask.hubName': hubName,
    'extensions.durableTask.defaultVersion': text,
    'extensions.durableTask.maxConcurrentActivityFunctions': integer(1),
    'extensions.durableTask.maxConcurrentOrchestratorFunctions': integer(1),
    'extensions.durableTask.httpSettings.defaultAsyncRequestSleepTimeMilliseconds': integer(1),
    'extensions.durableTask.versionFailureStrategy': choice('Reject', 'Fail'),
    'extensions.durableTask.versionMatchStrategy': choice('None', 'Strict', 'CurrentOrOlder'),
  }),
  ...rules('platform', {
    $schema: anything,
    'extensionBundle.id': text,
    'extensionBundle.version': text,
    'logging.*': anything,
    telemetryMode: text,
    isDefaultHostConfig: flag,
    'managedDependency.enabled': flag,
    watchDirectories: texts,
    watchFiles: texts,
    'aggregator.batchSize': integer(1),
    'aggregator.flushTimeout': duration(),
    'healthMonitor.enabled': flag,
    'healthMonitor.healthCheckInterval': duration(),
    'healthMonitor.healthCheckWindow': duration(),
    'healthMonitor.healthCheckThreshold': integer(),
    'healthMonitor.counterThreshold': number,
    'singleton.lockPeriod': duration(),
    'singleton.listenerLockPeriod': duration(),
    'singleton.listenerLockRecoveryPollingInterval': duration(),
    'singleton.lockAcquisitionTimeout': duration(),
    'singleton.lockAcquisitionPollingInterval': duration(),
    'extensions.http.hsts.*': anything,
    'extensions.durableTask.storageProvider.type': text,
    'extensions.durableTask.storageProvider.connectionName': text,
    'extensions.durableTask.storageProvider.connectionStringName': text,
    'extensions.durableTask.storageProvider.trackingStoreConnectionName': text,
    'extensions.durableTask.storageProvider.trackingStoreConnectionStringName': text,
    'extensions.durableTask.storageProvider.trackingStoreNamePrefix': text,
    'extensions.durableTask.storageProvider.partitionCount': integer(1, 16),
    'extensions.durableTask.storageProvider.controlQueueBatchSize': integer(1, 32),
    'extensions.durableTask.storageProvider.controlQueueBufferThreshold': integer(1),
    'extensions.durableTask.storageProvider.controlQueueVisibilityTimeout': minutes1To60,
    'extensions.durableTask.storageProvider.workItemQueueVisibilityTimeout': minutes1To60,
    'extensions.durableTask.storageProvider.maxQueuePollingInterval': duration(),
    'extensions.durableTask.storageProvider.maxStorageOperationConcurrency': integer(1),
    'extensions.durableTask.storageProvider.useLegacyPartitionManagement': flag,
    'extensions.durableTask.storageProvider.useTablePartitionManagement': flag,
    'extensions.durableTask.storageProvider.fetchLargeMessagesAutomatically': flag,
    'extensions.durableTask.storageProvider.queueClientMessageEncoding': choice('UTF8', 'Base64'),
    'extensions.durableTask.tracing.*': anything,
    'extensions.durableTask.traceInputsAndOutputs': flag,
    'extensions.durableTask.logReplayEvents': flag,
    'extensions.durableTask.useAppLease': flag,
    'extensions.durableTask.appLeaseOptions.*': anything,
    'extensions.durableTask.useGracefulShutdown': flag,
    'extensions.durableTask.extendedSessionsEnabled': flag,
    'extensions.durableTask.extendedSessionIdleTimeoutInSeconds': integer(),
    'extensions.durableTask.maxGrpcMessageSizeInBytes': integer(1),
    'extensions.durableTask.grpcHttpClientTimeout': duration(),
    'extensions.durableTask.localRpcEndpointEnabled': flag,
  }),
  ...rules('none', {
    'retry.strategy': choice('fixedDelay', 'exponentialBackoff'),
    'retry.maxRetryCount': integer(-1),
    'retry.delayInterval': duration(),
    'retry.minimumInterval': duration(),
    'retry.maximumInterval': duration(),
    'concurrency.dynamicConcurrencyEnabled': flag,
    'concurrency.snapshotPersistenceEnabled': flag,
    'concurrency.maximumFunctionConcurrency': integer(),
    'concurrency.totalAvailableMemoryBytes': integer(-1, Number.MAX_SAFE_INTEGER),
    'concurrency.cpuThreshold': number,
    'customHandler.*': anything,
    'extensions.http.maxConcurrentRequests': integer(-1),
    'extensions.http.maxOutstandingRequests': integer(-1),
    'extensions.http.dynamicThrottlesEnabled': flag,
    'extensions.blobs.*': anything,
    'extensions.cosmosDB.*': anything,
    'extensions.eventHubs.*': anything,
    'extensions.kafka.*': anything,
    'extensions.mcp.*': anything,
    'extensions.rabbitMQ.*': anything,
    'extensions.sendGrid.*': anything,
    'extensions.serviceBus.*': anything,
    'extensions.signalR.*': anything,
    'extensions.sql.*': anything,
    'extensions.warmup.*': anything,
    'extensions.durableTask.maxConcurrentEntityFunctions': integer(1),
    'extensions.durableTask.maxEntityOperationBatchSize': integer(1),
    'extensions.durableTask.entityMessageReorderWindowInMinutes': integer(),
    'extensions.durableTask.maxOrchestrationActions': integer(1),
    'extensions.durableTask.storeInputsInOrchestrationHistory': flag,
    'extensions.durableTask.overridableExistingInstanceStates': choice(
      'NonRunningStates',
      'AnyState',
    ),
    'extensions.durableTask.notifications.*': anything,
    'extensions.durableTask.httpSettings.useForwardedHost': flag,
    'extensions.durableTask.customLifeCycleNotificationHelperType': text,
  }),
])

const sections: ReadonlySet<string> = new Set(
  [...known.keys()].flatMap((path) => {
    const names = path.split('.')
    return names.slice(1).map((_name, index) => names.slice(0, index + 1).join('.'))
  }),
)

export interface HostJson {
  /** What the member is, read by its rule; undefined where it is not set. Any letter case. */
  at(path: string): unknown
  readonly warnings: readonly string[]
}

const settingPrefix = 'azurefunctionsjobhost__'

/**
 * Reads a parsed host.json; undefined where the app has none. Throws `bad-setting` that names every
 * wrong member, its value and what is expected.
 */
export function readHostJson(
  root: Readonly<Record<string, unknown>> | undefined,
  env: Readonly<Record<string, string | undefined>>,
): HostJson {
  const read = new Reading()
  if (root !== undefined && root['version'] === undefined) {
    read.wrong.push('the required member "version" is missing; it must be "2.0"')
  }
  read.members('', root ?? {})
  for (const [name, value] of Object.entries(env)) {
    if (!name.toLowerCase().startsWith(settingPrefix) || value === undefined) continue
    read.member(name.slice(settingPrefix.length).replaceAll('__', '.'), value)
  }
  if (read.wrong.length > 0) {
    throw new HostError('bad-setting', `host.json: ${read.wrong.join('; ')}`)
  }
  return {
    at: (path) => read.values.get(path.toLowerCase()),
    warnings: read.warnings.map((warning) => `host.json: ${warning}`),
  }
}

class Reading {
  readonly values = new Map<string, unknown>()
  readonly wrong: string[] = []
  readonly warnings: string[] = []

  members(prefix: string, section: Readonly<Record<string, unknown>>): void {
    for (const [name, value] of Object.entries(section)) {
      this.member(prefix === '' ? name : `${prefix}.${name}`, value)
    }
  }

  member(path: string, value: unknown): void {
    const key = path.toLowerCase()
    const open = openSection(key)
    if (open !== undefined) {
      this.#warn(open.effect, path)
    } else if (sections.has(key)) {
      if (isObject(value)) this.members(path, value)
      else if (value !== null) this.wrong.push(this.#fault(path, value, 'an object'))
    } else if (value !== null) {
      this.#leaf(path, value)
    }
  }

  #leaf(path: string, value: unknown): void {
    const rule = known.get(path.toLowerCase())
    if (rule === undefined) {
      this.warnings.push(`${path} is unknown: it has no effect in any host`)
      return
    }
    const read = rule.kind.read(value)
    if (read === undefined) this.wrong.push(this.#fault(path, value, rule.kind.expected))
    this.values.set(path.toLowerCase(), read)
    this.#warn(rule.effect, path)
  }

  #warn(effect: Effect, path: string): void {
    if (effect === 'none') this.warnings.push(`${path} has no effect in this host`)
  }

  #fault(path: string, value: unknown, expected: string): string {
    return `${path} is ${JSON.stringify(value)}; it must be ${expected}`
  }
}

function openSection(key: string): Rule | undefined {
  return known.get(`${key}.*`)
}

function isScalar(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
