/** How the pages write sizes, times and values. Pure. */
import { sanitise } from '../durable/failure-texts.ts'

const units = ['B', 'KB', 'MB', 'GB'] as const

export function sizeText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

const steps: readonly [limitMs: number, divisorMs: number, unit: string][] = [
  [60_000, 1000, 's'],
  [3_600_000, 60_000, 'min'],
  [86_400_000, 3_600_000, 'h'],
  [Number.POSITIVE_INFINITY, 86_400_000, 'd'],
]

/** A length of time in its largest unit: `850 ms`, `12 s`, `3 min`. */
export function durationText(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`
  const [, divisorMs, unit] = steps.find(([limitMs]) => durationMs < limitMs) ?? [0, 1000, 's']
  return `${Math.floor(durationMs / divisorMs)} ${unit}`
}

const secretName = /token|secret|password|passphrase|signature|credential|authorization|api-?key/i
const bearer = /\b(bearer\s+|eyJ[\w-]+\.)[\w.~+/=-]+/gi
const hidden = '[hidden]'

/**
 * A JSON text as people may see it: members with the name of a secret, bearer tokens and what the
 * host's credential filter hides are left out; cut to `lengthMax` characters. null stays.
 */
export function valueText(json: string | null, lengthMax: number): string | null {
  if (json === null) return null
  const shown = sanitise(withoutSecrets(json)).replace(bearer, hidden)
  if (shown.length <= lengthMax) return shown
  return `${shown.slice(0, lengthMax)}… (${sizeText(Buffer.byteLength(json))})`
}

function withoutSecrets(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), (name, value: unknown) =>
      secretName.test(name) && value !== null ? hidden : value,
    )
  } catch {
    // Texts of failures are no JSON; the filters behind this look at them too.
    return json
  }
}
