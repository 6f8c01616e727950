/** The warnings and errors of the log that name an instance, for its page; in memory, the last ones. */
import type { LogLine } from '../log.ts'

const linesMax = 1000

export class LogNotes {
  readonly #lines: string[] = []

  /** Keeps a line of the host that begins with an instance's name. */
  note(line: LogLine): void {
    if (line.category !== 'host' || !['warning', 'error', 'critical'].includes(line.level)) return
    if (!line.text.startsWith('instance ')) return
    this.#lines.push(line.text)
    if (this.#lines.length > linesMax) this.#lines.shift()
  }

  /** Each text once, without the name of the instance. */
  of(id: string): string[] {
    const start = `instance ${id}`
    const own = this.#lines.filter(
      (text) => text.startsWith(start) && /^[:\s]/.test(text.slice(start.length)),
    )
    return [...new Set(own.map((text) => text.slice(start.length).replace(/^:\s*/, '').trim()))]
  }
}
