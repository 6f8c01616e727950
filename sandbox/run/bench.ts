/**
 * `npm run bench`: what a first backup costs, in requests and in memory, and what one costs in
 * which nothing changed. Requests are counted by the tenant, not by the app.
 *
 * Exit code 1 where a limit is exceeded: 1.1 requests for a message in the first run, 400 MB for
 * the worker, no worker that died. Azurite works in memory, so that no disk is measured. Speed is told and not
 * limited: it depends on the machine, which also runs the simulated tenant and Azurite.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { createApiClient } from './api-client.ts'
import { backUp } from './backup.ts'
import { openDataDir } from './data-dir.ts'
import { type Figures, figuresOf, figuresText } from './figures.ts'
import { live } from './lifetime.ts'
import { protectedHoldings } from './mailboxes.ts'
import { watchMemory } from './memory.ts'
import { readOptions, wholeNumber } from './options.ts'
import { countText } from './progress.ts'
import { type Stack, startStack } from './stack.ts'
import { EXIT_CODES } from './trouble.ts'

const USAGE = `usage: npm run bench -- [--json] [--messages N] [--mailboxes N] [--body-bytes N]
  --json           print the figures as one JSON document on the last line
  --messages N     messages in all (default 20000)
  --mailboxes N    mailboxes over which they are spread (default 20)
  --body-bytes N   size of a message's body (default 400)`

const SEED = 7
function readBenchOptions() {
  const given = readOptions(USAGE, {
    ...{ json: 'flag', messages: 'text', mailboxes: 'text', 'body-bytes': 'text' },
  })
  const number = (
    name: 'messages' | 'mailboxes' | 'body-bytes',
    [least, most, otherwise]: readonly [number, number, number],
  ) => wholeNumber(given[name], { name: `--${name}`, least, most, otherwise, usage: USAGE })
  const mailboxes = number('mailboxes', [1, 1000, 20])
  return {
    json: given.json,
    mailboxes,
    messages: Math.ceil(number('messages', [1, 1_000_000, 20_000]) / mailboxes) * mailboxes,
    bodyBytes: number('body-bytes', [1, 1_000_000, 400]),
  }
}

type BenchOptions = ReturnType<typeof readBenchOptions>

async function bench(signal: AbortSignal): Promise<number> {
  const options = readBenchOptions()
  const { mailboxes, messages, bodyBytes } = options
  const out = options.json ? process.stderr : process.stdout
  const path = await mkdtemp(join(tmpdir(), 'holdfast-bench-'))
  const dir = openDataDir(path, { fresh: true })
  let stack: Stack | undefined
  try {
    out.write(`${countText(messages)} messages over ${countText(mailboxes)} mailboxes\n`)
    stack = await startStack({
      ...{ dir, azuriteInMemory: true, log: (text) => out.write(`${pc.dim(text)}\n`) },
      seed: { seed: SEED, users: mailboxes, messages: messages / mailboxes, bodyBytes },
      settings: { HOLDFAST_WAVE_PAUSE_SECONDS: '1' },
    })
    const figures = await measure(stack, { options, out, signal })
    out.write(`\n${figuresText(figures)}\n`)
    if (options.json) process.stdout.write(`${JSON.stringify(figures)}\n`)
    return figures.ok ? EXIT_CODES.ok : EXIT_CODES.failed
  } finally {
    await stack?.stop()
    dir.release(true)
    await rm(path, { recursive: true, force: true })
  }
}

async function measure(
  stack: Stack,
  given: { options: BenchOptions; out: NodeJS.WriteStream; signal: AbortSignal },
): Promise<Figures> {
  const { options, out, signal } = given
  const { apiUrl, control, workerPids } = stack
  const api = createApiClient({ apiUrl, control, signal, roles: ['Admin', 'Operator'] })
  await api.setup()
  const { messages, folders } = await protectedHoldings(control)
  const memory = watchMemory(() => workerPids)
  const total = messages + folders
  const first = await backUp({ api, control, title: 'first run', total, out, signal })
  const quiet = await backUp({ api, control, title: 'quiet run', total: undefined, out, signal })
  await memory.stop()
  return figuresOf({
    ...{ first, quiet, messages, mailboxes: options.mailboxes, mb: memory.peakMb() },
    workerDeaths: workerPids.length - 1,
  })
}

await live(bench)
