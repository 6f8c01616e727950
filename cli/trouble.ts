/**
 * Trouble on the command line: what happened, to what, what to do; never a stack, unless it is a
 * defect of ours.
 */
import { AppError } from '../src/model/errors.ts'
import { EXIT_CODES, type ExitCode } from './exit-codes.ts'
import { plainText } from './out/plain-text.ts'

/** Something is wrong with how the command was called. */
export function usageError(message: string, hint: string): AppError {
  return new AppError({ code: 'Usage', kind: 'permanent', message, hint })
}

export function refusal(
  code: string,
  message: string,
  hint: string,
  context: AppError['context'] = {},
): AppError {
  return new AppError({ code, kind: 'permanent', message, hint, context })
}

/** The text for standard error, and the exit code. */
export function explain(error: unknown): { text: string; exitCode: ExitCode } {
  if (!(error instanceof AppError)) return defect(error)
  const { code, kind, message, hint, context } = error
  const about = Object.entries(context)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `  ${name}: ${value}`)
  const isUsage = code === 'Usage'
  const title = isUsage ? message : `${message} (${code})`
  const lines = [title, ...about, ...(hint === undefined ? [] : [hint])].map(plainText)
  const exitCode = isUsage
    ? EXIT_CODES.usage
    : kind === 'bug'
      ? EXIT_CODES.defect
      : EXIT_CODES.failed
  return { text: lines.join('\n'), exitCode }
}

function defect(error: unknown): { text: string; exitCode: ExitCode } {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { text: `Unexpected, please report it: ${stack}`, exitCode: EXIT_CODES.defect }
}
