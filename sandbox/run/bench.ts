/**
 * `npm run bench`: what backups of mail and of files cost, in requests, in resource units and in
 * memory; for files beside rclone, where it is installed.
 *
 * Exit code 1 where a limit is exceeded (bench/*-figures.ts), or a worker died. Speed is told and
 * not limited: it depends on the machine, which also runs the simulated tenant and Azurite.
 */
import type { Surroundings } from './bench/bench-stack.ts'
import { figuresOf, figuresText } from './bench/figures.ts'
import { benchFiles } from './bench/files.ts'
import { benchMail } from './bench/mail.ts'
import { readBenchOptions } from './bench/options.ts'
import { live } from './lifetime.ts'
import { EXIT_CODES } from './trouble.ts'

async function bench(signal: AbortSignal): Promise<number> {
  const { json, mail, files } = readBenchOptions()
  const surroundings: Surroundings = { signal, out: json ? process.stderr : process.stdout }
  const figures = figuresOf({
    mail: mail && (await benchMail(mail, surroundings)),
    files: files && (await benchFiles(files, surroundings)),
  })
  surroundings.out.write(`\n${figuresText(figures)}\n`)
  if (json) process.stdout.write(`${JSON.stringify(figures)}\n`)
  return figures.ok ? EXIT_CODES.ok : EXIT_CODES.failed
}

await live(bench)
