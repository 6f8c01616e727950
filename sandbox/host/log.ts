/**
 * Structured log lines: what the app logs, what its worker prints and what the host itself says.
 *
 * One line is one object; where it goes is the sink's business. A sink must not throw and must
 * not be slow: it is called inline.
 */

export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical'

/**
 * host: this host. function: `context.log` of the app. system: the Functions library.
 * stdout, stderr: what the worker process printed, console.log included.
 */
export type LogCategory = 'host' | 'function' | 'system' | 'stdout' | 'stderr'

export interface LogLine {
  readonly atMs: number
  readonly level: LogLevel
  readonly category: LogCategory
  readonly text: string
  readonly functionName?: string
  readonly invocationId?: string
}

export type LogSink = (line: LogLine) => void

/** What modules of the host write to: a level and a sentence. */
export type HostLog = (level: LogLevel, text: string, functionName?: string) => void

export function hostLogTo(sink: LogSink): HostLog {
  return (level, text, functionName) => {
    sink({
      atMs: Date.now(),
      level,
      category: 'host',
      text,
      ...(functionName === undefined ? {} : { functionName }),
    })
  }
}

/** One JSON line for each log line on standard error; standard output stays free for answers. */
export function logToStderr(line: LogLine): void {
  process.stderr.write(`${JSON.stringify(line)}\n`)
}
