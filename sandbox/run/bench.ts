/**
 * `npm run bench`: what a first backup costs, in requests and in memory, and what is asked for
 * afterwards: where nothing changed, for new mail, for flags. Requests are counted by the tenant,
 * not by the app.
 *
 * Exit code 1 where a limit of figures.ts is exceeded, or a worker died. Azurite works in memory,
 * so that no disk is measured. Speed is told and not limited: it depends on the machine, which
 * also runs the simulated tenant and Azurite.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { createApiClient } from './api-client.ts'
import { backUp } from './backup.ts'
import { openDataDir } from './data-dir.ts'
import { type Figures, figuresOf } from './figures.ts'
import { figuresText } from './figures-text.ts'
import { live } from './lifetime.ts'
import { mailboxUsers, protectedFolders, protectedHoldings } from './mailboxes.ts'
import { watchMemory } from './memory.ts'
import { readOptions, wholeNumber } from './options.ts'
import { countText } from './progress.ts'
import { type Stack, startStack } from './stack.ts'
import { NO_TICKS, tick } from './tick.ts'
import { EXIT_CODES } from './trouble.ts'

const USAGE = `usage: npm run bench -- [--json] [--messages N] [--mailboxes N] [--body-bytes N]
  --json           print the figures as one JSON document on the last line
  --messages N     messages in all (default 20000)
  --mailboxes N    mailboxes over which they are spread (default 20)
  --body-bytes N   size of a message's body (default 400)`

const SEED = 7
/** Hints are due at every tick. */
const SETTINGS = { HOLDFAST_WAVE_PAUSE_SECONDS: '1', HOLDFAST_BACKUP_INTERVAL_MINUTES: '0' }
/** New messages in each mailbox before the incremental run. */
const NEW_MAIL = 10
/** Messages that are flagged, over all mailboxes. */
const FLAGS = 1000

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
      settings: { ...SETTINGS, ...NO_TICKS },
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
  const { mailboxes } = options
  const api = createApiClient({ apiUrl, control, signal, roles: ['Admin', 'Operator'] })
  await api.setup()
  const { messages, folders } = await protectedHoldings(control)
  const memory = watchMemory(() => workerPids)
  const total = messages + folders
  const first = await backUp({ api, control, title: 'first run', total, out, signal })
  const asked = (title: string) => backUp({ api, control, title, total: undefined, out, signal })
  const quiet = await asked('a round of all')
  const unchanged = await tick(stack, api, signal)
  const delivered = await deliver(control, signal)
  const incremental = await tick(stack, api, signal)
  const flagged = await flag(control, signal)
  const flags = await asked('flags')
  await memory.stop()
  return figuresOf({
    ...{ first, quiet, unchanged, incremental, delivered, flags, flagged, messages, mailboxes },
    ...{ mb: memory.peakMb(), workerDeaths: workerPids.length - 1 },
    folders: await protectedFolders(control),
  })
}

/** New mail for everybody; how much it was. */
async function deliver(control: Stack['control'], signal: AbortSignal): Promise<number> {
  const users = await mailboxUsers(control)
  for (const { id: user } of users) {
    for (let n = 0; n < NEW_MAIL; n += 1) {
      signal.throwIfAborted()
      await control.deliver({ user, subject: `New mail ${n}`, body: 'Something new.' })
    }
  }
  return users.length * NEW_MAIL
}

/** Flags mail in every inbox, the same share in each; how much it was. */
async function flag(control: Stack['control'], signal: AbortSignal): Promise<number> {
  const users = await mailboxUsers(control)
  const share = Math.ceil(FLAGS / users.length)
  let flagged = 0
  for (const { id: user } of users) {
    const { messages } = await control.messages({ user, folder: 'inbox' })
    // Seeded mail has flags and none that is complete, so each of these is a change.
    for (const { id } of messages.slice(0, share)) {
      signal.throwIfAborted()
      await control.flag({ user, message: id, flagStatus: 'complete' })
      flagged += 1
    }
  }
  return flagged
}

await live(bench)
