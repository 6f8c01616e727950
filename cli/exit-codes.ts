/** What the exit code of `holdfast` says. Documented in --help and docs/vault-command.md. */
export const EXIT_CODES = {
  ok: 0,
  /** It went to its end, and something is damaged or could not be read. */
  findings: 1,
  /** It could not be done: no vault, no key, nothing at that time, no connection. */
  failed: 2,
  usage: 64,
  /** A defect in Holdfast. */
  defect: 70,
  interrupted: 130,
} as const
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES]

export const EXIT_CODES_HELP = `
Exit codes:
  0    done, nothing is wrong
  1    done, and something is damaged or could not be read; the report says what
  2    not done: no vault there, a key is missing, nothing is held at that time, no connection
  64   the command line is not understood
  70   a defect in Holdfast; please report it
  130  interrupted`
