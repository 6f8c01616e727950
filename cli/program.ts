/** The tree of commands. */
import { Command } from 'commander'
import { addCat } from './commands/cat.ts'
import { addLs } from './commands/ls.ts'
import { addRebuild } from './commands/rebuild.ts'
import { addRestoreToFolder } from './commands/restore-to-folder.ts'
import { addVerify } from './commands/verify.ts'
import { EXIT_CODES_HELP, type ExitCode } from './exit-codes.ts'
import type { Output } from './out/output.ts'

/** What a command works with beside its options. */
export interface Setting {
  signal: AbortSignal
  output: Output
  /** The exit code, where it is not 0. */
  end(code: ExitCode): void
}

/** Throws `CommanderError` instead of ending the process. */
export function buildProgram(setting: Setting): Command {
  const program = new Command('holdfast')
    .description('Backup of Microsoft 365 in your own Azure subscription.')
    .exitOverride()
    .showHelpAfterError('(--help says what there is)')
    .addHelpText('after', EXIT_CODES_HELP)
  const vault = program
    .command('vault')
    .description(
      'A vault with nothing but its blobs and its keys: no functions, no Graph. Read it, verify it, ' +
        'get it back as files, or make the tables from it.',
    )
    .addHelpText('after', EXIT_CODES_HELP)
  for (const add of [addLs, addCat, addRestoreToFolder, addVerify, addRebuild]) add(vault, setting)
  return program
}
