/**
 * What happened, call by call: one numbered line for each port call of every process.
 *
 * Hashes and random ids are shown by the order in which they first appeared (`#1`, `#2` ...), so
 * that two runs from one seed print the same text although RSA padding is not ours to seed.
 */

export interface TraceLine {
  process: string
  /** Number of the call in its process, from 1: what `crashBefore` and `stallBefore` count. */
  k: number
  port: string
  op: string
  target: string
  /** `ok`, an outcome (`refused`, `conflict`), a fault, or the code of an error. */
  outcome: string
}

/** Owner ids, hashes of blobs, and key hashes of items. */
const OPAQUE = /\b(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{24}|[a-z2-7]{26})\b/g

export class Trace {
  readonly lines: TraceLine[] = []

  add(line: TraceLine): void {
    this.lines.push(line)
  }

  /** Calls of one process, in order. */
  of(process: string): TraceLine[] {
    return this.lines.filter((line) => line.process === process)
  }

  /** For people: the last `linesMax` lines. */
  print(linesMax = Number.POSITIVE_INFINITY): string {
    const labels = new Map<string, string>()
    const label = (id: string) => {
      const known = labels.get(id) ?? `#${labels.size + 1}`
      labels.set(id, known)
      return known
    }
    const printed = this.lines.map(({ process, k, port, op, target, outcome }) => {
      const short = target.replace(OPAQUE, label)
      return `${process} ${String(k).padStart(4)}  ${port} ${op} ${short}: ${outcome}`
    })
    return printed.slice(-linesMax).join('\n')
  }
}
