/** Reads the command line of the sandbox's commands; a mistake is told with the usage. */
import { parseArgs } from 'node:util'
import { EXIT_CODES, Trouble } from './trouble.ts'

/** `text`: an option with a value. `flag`: one without. */
type Kind = 'text' | 'flag'
type Values<S extends Record<string, Kind>> = {
  [Name in keyof S]: S[Name] extends 'flag' ? boolean : string | undefined
}

export function readOptions<const S extends Record<string, Kind>>(
  usage: string,
  kinds: S,
): Values<S> {
  const options = Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => {
      return [name, { type: kind === 'flag' ? ('boolean' as const) : ('string' as const) }]
    }),
  )
  try {
    const { values } = parseArgs({ options, allowPositionals: false })
    const all = Object.entries(kinds).map(([name, kind]) => {
      return [name, values[name] ?? (kind === 'flag' ? false : undefined)]
    })
    return Object.fromEntries(all) as Values<S>
  } catch (cause) {
    throw usageTrouble(cause instanceof Error ? cause.message : String(cause), usage)
  }
}

/** A whole number within limits, or the default where the option is not given. */
export function wholeNumber(
  text: string | undefined,
  limits: { name: string; least: number; most: number; otherwise: number; usage: string },
): number {
  if (text === undefined) return limits.otherwise
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= limits.least && value <= limits.most) return value
  const { name, least, most, usage } = limits
  throw usageTrouble(`${name} must be a whole number from ${least} to ${most}.`, usage)
}

function usageTrouble(message: string, usage: string): Trouble {
  return new Trouble(message, { hint: usage, exitCode: EXIT_CODES.usage })
}
