/**
 * Progress as numbers and as text: how fast a run goes, how much is left, in words for people.
 *
 * Pure. The rate is taken over a moving window, because a first minute says nothing about a
 * tenth; time left is only said where the whole is known and a twentieth of it is done.
 */

const WINDOW_MS = 15_000
const MIB = 1024 * 1024
/** Before this share is done, the rate is that of the beginning, which is slow. */
const TOLD_FROM = 1 / 20

export interface Sample {
  atMs: number
  items: number
  bytes: number
  requests: number
}

export interface Pace {
  items: number
  bytes: number
  requests: number
  itemsPerSecond: number
  /** Undefined: nobody can say. */
  secondsLeft: number | undefined
}

/** Collects samples of one run, oldest first. */
export class Progress {
  readonly #total: number
  readonly #samples: Sample[] = []

  /** `total`: items that are to be worked. */
  constructor(total: number) {
    this.#total = total
  }

  add(sample: Sample): Pace {
    this.#samples.push(sample)
    while (this.#samples.length > 2 && this.#firstAtMs() < sample.atMs - WINDOW_MS) {
      this.#samples.shift()
    }
    const first = this.#samples[0] ?? sample
    const seconds = (sample.atMs - first.atMs) / 1000
    const itemsPerSecond = seconds > 0 ? (sample.items - first.items) / seconds : 0
    const left = Math.max(0, this.#total - sample.items)
    const { items, bytes, requests } = sample
    const known = itemsPerSecond > 0 && items >= this.#total * TOLD_FROM
    const secondsLeft = left === 0 ? 0 : known ? left / itemsPerSecond : undefined
    return { items, bytes, requests, itemsPerSecond, secondsLeft }
  }

  #firstAtMs(): number {
    return this.#samples[0]?.atMs ?? Number.POSITIVE_INFINITY
  }
}

export function countText(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}

export function sizeText(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MB`
}

export function durationText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}

/** One line of a run, the same for a terminal and for a pipe. */
export function paceText(pace: Pace): string {
  const left =
    pace.secondsLeft === undefined || pace.secondsLeft === 0
      ? ''
      : ` · about ${durationText(Math.max(1, Math.ceil(pace.secondsLeft)))} left`
  const rate = `${countText(pace.itemsPerSecond)} items/s`
  return `${sizeText(pace.bytes)} · ${countText(pace.requests)} requests · ${rate}${left}`
}
