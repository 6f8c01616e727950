/** What the app's functions are, in words and addresses: for the start text and the host's pages. */
import type { AppFunction, TriggerType } from './functions.ts'
import { resolveSettingNames } from './settings.ts'
import type { BindingInfo } from './worker/protocol.ts'

export interface FunctionSummary {
  readonly name: string
  readonly trigger: TriggerType
  /** HTTP functions: methods in upper case, the template below the host's address, the key asked. */
  readonly http?: {
    readonly methods: readonly string[]
    readonly path: string
    readonly authLevel: AuthLevel
  }
  /** Timers: the schedule, settings resolved. */
  readonly schedule?: string
  /** Queue triggers: the queue, settings resolved. */
  readonly queueName?: string
}

const authLevels = ['anonymous', 'function', 'admin'] as const

export type AuthLevel = (typeof authLevels)[number]

export interface SummaryOptions {
  readonly routePrefix: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Throws `bad-setting` when a binding names an app setting that is unset. */
export function summaryOf(appFunction: AppFunction, options: SummaryOptions): FunctionSummary {
  const { name, trigger } = appFunction
  const { binding, type } = trigger
  const resolved = (member: string): string =>
    resolveSettingNames(String(binding[member] ?? ''), options.env)
  const base = { name, trigger: type }
  switch (type) {
    case 'httpTrigger': {
      const path = `/${routeOf(appFunction, options)}`
      return {
        ...base,
        http: { methods: methodsOf(binding), path, authLevel: authLevelOf(binding) },
      }
    }
    case 'timerTrigger':
      return { ...base, schedule: resolved('schedule') }
    case 'queueTrigger':
      return { ...base, queueName: resolved('queueName') }
    default:
      return base
  }
}

/** The whole template of an HTTP function, prefix included, without a slash in front. */
export function routeOf(appFunction: AppFunction, options: SummaryOptions): string {
  const route = appFunction.trigger.binding['route']
  const own = typeof route === 'string' ? route : appFunction.name
  const whole = resolveSettingNames(`${options.routePrefix}/${own}`, options.env)
  return whole.replace(/^\/+|\/+$/g, '')
}

export function methodsOf(binding: BindingInfo): string[] {
  const methods = binding['methods']
  const given = Array.isArray(methods) ? methods.map(String) : ['GET', 'POST']
  return given.map((method) => method.toUpperCase())
}

/** Without one it is `function`, as in the binding's contract; the library always writes one. */
export function authLevelOf(binding: BindingInfo): AuthLevel {
  const given = String(binding['authLevel'] ?? 'function').toLowerCase()
  return authLevels.find((level) => level === given) ?? 'function'
}
