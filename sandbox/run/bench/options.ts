/** The command line of the bench. */
import { readOptions, wholeNumber } from '../options.ts'
import { EXIT_CODES, Trouble } from '../trouble.ts'

export const USAGE = `usage: npm run bench -- [--json] [--only mail|files] [sizes]
  --json           print the figures as one JSON document on the last line
  --only PART      leave out the other part
  --messages N     messages in all (default 20000)
  --mailboxes N    mailboxes over which they are spread (default 20)
  --body-bytes N   size of a message's body (default 400)
  --files N        files of one library (default 10000)
  --folders N      folders over which they are spread (default 1000)
  --large-gb N     size of one large file beside them; 0: none (default 5)`

export interface MailSizes {
  mailboxes: number
  messages: number
  bodyBytes: number
}

export interface FileSizes {
  files: number
  folders: number
  largeGb: number
}

export interface BenchOptions {
  json: boolean
  /** Undefined: it is left out. */
  mail: MailSizes | undefined
  files: FileSizes | undefined
}

export function readBenchOptions(): BenchOptions {
  const given = readOptions(USAGE, {
    ...{ json: 'flag', only: 'text', messages: 'text', mailboxes: 'text', 'body-bytes': 'text' },
    ...{ files: 'text', folders: 'text', 'large-gb': 'text' },
  })
  const number = (
    name: Exclude<keyof typeof given, 'json' | 'only'>,
    [least, most, otherwise]: readonly [number, number, number],
  ) => wholeNumber(given[name], { name: `--${name}`, least, most, otherwise, usage: USAGE })
  const { json, only } = given
  if (only !== undefined && only !== 'mail' && only !== 'files') {
    throw new Trouble('--only is mail or files.', { hint: USAGE, exitCode: EXIT_CODES.usage })
  }
  const mailboxes = number('mailboxes', [1, 1000, 20])
  const messages = Math.ceil(number('messages', [1, 1_000_000, 20_000]) / mailboxes) * mailboxes
  const mail = { mailboxes, messages, bodyBytes: number('body-bytes', [1, 1_000_000, 400]) }
  const files = {
    files: number('files', [2, 1_000_000, 10_000]),
    folders: number('folders', [2, 100_000, 1000]),
    largeGb: number('large-gb', [0, 250, 5]),
  }
  return {
    json,
    mail: only === 'files' ? undefined : mail,
    files: only === 'mail' ? undefined : files,
  }
}
