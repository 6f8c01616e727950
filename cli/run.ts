/**
 * The life of a command: from its line to its exit code.
 *
 * Ctrl-C, SIGTERM and a closed terminal abort one signal; the command leaves its work in order. A
 * second Ctrl-C ends it at once: nothing is written that could be left in halves.
 */
import { CommanderError } from 'commander'
import { EXIT_CODES, type ExitCode } from './exit-codes.ts'
import { processOutput } from './out/output.ts'
import { buildProgram } from './program.ts'
import { explain } from './trouble.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** `args`: without the program. Sets the exit code of this process and never throws. */
export async function run(args: readonly string[]): Promise<void> {
  const life = new AbortController()
  const onSignal = () => {
    if (life.signal.aborted) process.exit(EXIT_CODES.interrupted)
    life.abort(new Interrupted())
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  // Whoever reads the answer may stop reading (`| head`): that is no trouble.
  process.stdout.on('error', () => process.exit(process.exitCode ?? EXIT_CODES.ok))
  process.exitCode = await exitCodeOf(args, life.signal)
  for (const name of SIGNALS) process.off(name, onSignal)
}

async function exitCodeOf(args: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT_CODES.ok
  const program = buildProgram({
    signal,
    output: processOutput,
    end: (code) => {
      exitCode = code
    },
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage
    }
    if (signal.aborted) {
      processOutput.note('Interrupted.')
      return EXIT_CODES.interrupted
    }
    const trouble = explain(error)
    processOutput.note(trouble.text)
    return trouble.exitCode
  }
}
