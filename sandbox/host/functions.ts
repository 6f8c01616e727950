/**
 * The app's functions, sorted by trigger, and the check that this host can serve each binding.
 *
 * Names of durable functions ignore letter case, as on the real host. A binding that this host
 * does not serve is an error at the start: a function that never runs would look like a bug of
 * the app.
 */
import { HostError } from './errors.ts'
import type { BindingInfo, FunctionMetadata } from './worker/protocol.ts'

const triggerTypes = [
  'httpTrigger',
  'timerTrigger',
  'queueTrigger',
  'orchestrationTrigger',
  'activityTrigger',
  'entityTrigger',
] as const

export type TriggerType = (typeof triggerTypes)[number]

export interface AppFunction {
  readonly name: string
  readonly trigger: {
    readonly type: TriggerType
    readonly bindingName: string
    readonly binding: BindingInfo
  }
  /** Names of its durableClient inputs. */
  readonly clientBindings: readonly string[]
}

export class FunctionIndex {
  readonly all: readonly AppFunction[]
  readonly #byTrigger = new Map<string, AppFunction>()

  /** Throws `unsupported` or `app-load`, naming the function and the binding at fault. */
  constructor(metadata: readonly FunctionMetadata[]) {
    this.all = metadata.map(toAppFunction)
    for (const appFunction of this.all) {
      const key = keyOf(appFunction.trigger.type, appFunction.name)
      if (this.#byTrigger.has(key)) {
        throw new HostError('app-load', `two functions are called "${appFunction.name}"`)
      }
      this.#byTrigger.set(key, appFunction)
    }
  }

  find(type: TriggerType, name: string): AppFunction | undefined {
    return this.#byTrigger.get(keyOf(type, name))
  }

  ofType(type: TriggerType): AppFunction[] {
    return this.all.filter(({ trigger }) => trigger.type === type)
  }
}

function keyOf(type: TriggerType, name: string): string {
  return `${type} ${name.toLowerCase()}`
}

function toAppFunction({ name, bindings }: FunctionMetadata): AppFunction {
  let trigger: AppFunction['trigger'] | undefined
  const clientBindings: string[] = []
  for (const [bindingName, binding] of Object.entries(bindings)) {
    const type = triggerTypes.find((known) => known === binding.type)
    if (type !== undefined) {
      trigger = { type, bindingName, binding }
    } else if (binding.type === 'durableClient' && binding.direction === 'in') {
      clientBindings.push(bindingName)
    } else if (!(binding.type === 'http' && binding.direction === 'out')) {
      throw new HostError(
        'unsupported',
        `function "${name}" has a ${binding.type} binding (${binding.direction}), ` +
          'which this host does not serve',
      )
    }
  }
  if (trigger === undefined) {
    throw new HostError('app-load', `function "${name}" has no trigger`)
  }
  return { name, trigger, clientBindings }
}
