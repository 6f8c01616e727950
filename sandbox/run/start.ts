/**
 * `npm start`: the whole of Holdfast on one machine. Brings up the sandbox, fills a sample tenant
 * the first time, backs it up with live progress, says where everything is and how to restore a
 * lost message, and stays up until Ctrl-C or until its terminal is closed.
 *
 * A later start goes on with the same data. What it prints is for people; nothing parses it.
 */
import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import pc from 'picocolors'
import { type ApiClient, createApiClient } from './api-client.ts'
import { backUp, requestsOf } from './backup.ts'
import { coverageText, readCoverage } from './coverage.ts'
import { type DataDir, DEFAULT_DIR, openDataDir } from './data-dir.ts'
import { findVaultGap, isSetUp, rebuildTables } from './hard-stop.ts'
import { live, orInterrupted } from './lifetime.ts'
import { protectedHoldings } from './mailboxes.ts'
import { addOddCases, corruptOne } from './odd-cases.ts'
import { readOptions, wholeNumber } from './options.ts'
import { checkPorts, DEFAULT_PORT_BASE, PORT_BASE_MAX, portsFrom } from './ports.ts'
import { durationText, plural, sizeText } from './progress.ts'
import { loseFile, loseSample, readSample, restoreCommand } from './sample.ts'
import { fileHoldings, itemsToRead } from './sites.ts'
import { type Stack, startStack } from './stack.ts'
import { EXIT_CODES, Trouble } from './trouble.ts'
import { tellNews } from './watch.ts'

const USAGE = `usage: npm start -- [--dir DIR] [--fresh] [--port-base N] [--users N] [--messages N]
  --dir DIR        where all data is kept (default ${DEFAULT_DIR})
  --fresh          empty that folder first
  --port-base N    the first of six ports (default ${DEFAULT_PORT_BASE})
  --users N        mailboxes of a new sample tenant (2 to 50, default 6)
  --messages N     messages in each of them (1 to 5000, default 120)
  --files N        files in each OneDrive and library (1 to 5000, default 40)`

/** A person who looks at a sandbox does not want to wait for a service far away. */
const SETTINGS = {
  HOLDFAST_WAVE_PAUSE_SECONDS: '2',
  HOLDFAST_DELETION_LAG_MINUTES: '1',
  HOLDFAST_RESTORE_LAG_SECONDS: '2',
}
const SEED = 1
const SITES = 3
const FOLDERS = 12
const ROLES = ['Admin', 'Operator', 'Reader'] as const
const TOKEN_SECONDS = 86_400
const TOKEN_RENEWAL_MS = 3_600_000
/** Only its owner may read it. */
const TOKEN_MODE = 0o600

function readStartOptions() {
  const given = readOptions(USAGE, {
    ...{ dir: 'text', fresh: 'flag', 'port-base': 'text', users: 'text', messages: 'text' },
    files: 'text',
  })
  const number = (
    name: 'port-base' | 'users' | 'messages' | 'files',
    [least, most, otherwise]: readonly [number, number, number],
  ) => wholeNumber(given[name], { name: `--${name}`, least, most, otherwise, usage: USAGE })
  return {
    dir: given.dir ?? DEFAULT_DIR,
    fresh: given.fresh,
    portBase: number('port-base', [1024, PORT_BASE_MAX, DEFAULT_PORT_BASE]),
    users: number('users', [2, 50, 6]),
    messages: number('messages', [1, 5000, 120]),
    files: number('files', [1, 5000, 40]),
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function start(signal: AbortSignal): Promise<number> {
  const { portBase, users, messages, files, ...place } = readStartOptions()
  const ports = portsFrom(portBase)
  await checkPorts(ports)
  const dir = openDataDir(place.dir, { fresh: place.fresh })
  let stack: Stack | undefined
  let isClean = false
  const startedAt = new Date()
  try {
    sayWhereItBegins(dir)
    stack = await startStack({
      ...{ dir, ports, settings: SETTINGS },
      seed: { seed: SEED, users, messages, files, folders: FOLDERS, sites: SITES, oddFiles: true },
      log: (text) => say(pc.dim(text)),
    })
    await run(stack, dir, { startedAt, signal })
    return EXIT_CODES.ok
  } finally {
    if (stack !== undefined) say('\nstopping: the host, then the tenant, then Azurite')
    try {
      await stack?.stop()
      isClean = true
    } finally {
      dir.release(isClean)
    }
    if (stack !== undefined) say(`Stopped. The next start goes on with what is in ${dir.path}.`)
  }
}

function sayWhereItBegins(dir: DataDir): void {
  say(pc.bold('Holdfast sandbox'))
  if (!dir.continued) say(`A new sample tenant is made in ${dir.path}.`)
  else say(`Going on with the data in ${dir.path} (--fresh begins anew).`)
}

interface Life {
  /** Before any process of this session was started. */
  startedAt: Date
  signal: AbortSignal
}

async function run(stack: Stack, dir: DataDir, life: Life): Promise<void> {
  const { signal } = life
  signal.throwIfAborted()
  const { apiUrl, control } = stack
  const api = createApiClient({ apiUrl, control, signal, roles: ROLES })
  const work = async () => {
    if (!dir.continued) await addOddCases(control)
    await corruptOne(control, join(dir.path, 'state', 'corrupt-message'))
    const wasSetUp = await isSetUp(api)
    if (!wasSetUp || (dir.hardStopped && dir.continued)) {
      await healHardStop(stack, api, { ...life, wasSetUp })
    }
    await firstLook(stack, api, { continued: dir.continued, signal })
    await sayWhatToDo(stack, api, dir)
  }
  await orBroken(stack, orInterrupted(work(), signal), dir)
  const renewal = setInterval(() => {
    writeToken(stack, dir).catch((error: unknown) => say(`The token was not renewed: ${error}`))
  }, TOKEN_RENEWAL_MS)
  try {
    await orBroken(stack, orInterrupted(tellNews(api, { say, signal }), signal), dir)
  } finally {
    clearInterval(renewal)
  }
}

/** Ends with a Trouble where a part of the sandbox ends by itself. */
async function orBroken<T>(stack: Stack, work: Promise<T>, dir: DataDir): Promise<T> {
  const broken = stack.brokenBy.then((title) => {
    throw new Trouble(`${title} ended unexpectedly, so everything is stopped.`, {
      hint: `The logs are in ${dir.log('*')}.`,
    })
  })
  return await Promise.race([work, broken])
}

async function healHardStop(
  stack: Stack,
  api: ApiClient,
  life: Life & { wasSetUp: boolean },
): Promise<void> {
  const { streams, ahead } = await findVaultGap(stack.azurite.connectionString)
  say(pc.yellow('The last session was stopped hard (killed, or the machine went down).'))
  const all = plural(streams, 'mailbox', 'mailboxes')
  const { startedAt: stoppedBefore, signal, wasSetUp } = life
  if (ahead === 0 && wasSetUp) {
    say(`No backup was lost: of ${all} the vault has the newest commit that the catalogue names.`)
    return
  }
  const { counts } = await rebuildTables(api, { stoppedBefore, signal })
  const what = wasSetUp
    ? `The newest commits of ${ahead} of ${all} were lost`
    : 'The tables were lost'
  say(
    `${what} with it, so the tables were rebuilt from the vault: ` +
      `${plural(counts.commits, 'commit')} of ${plural(counts.rebuilt, 'mailbox', 'mailboxes')}. ` +
      'What is missing is read again now.',
  )
}

async function firstLook(
  stack: Stack,
  api: ApiClient,
  { continued, signal }: { continued: boolean; signal: AbortSignal },
): Promise<void> {
  const { control } = stack
  const { messages, folders } = await protectedHoldings(control)
  const { files } = await fileHoldings(control)
  const mailboxes = `${plural(messages, 'message')} in ${plural(folders, 'folder')}`
  say(
    `\nThe tenant holds ${mailboxes}, and ${plural(files, 'file')}. ${continued ? 'What is new is' : 'All of it is'} backed up now.`,
  )
  const title = continued ? 'backup' : 'first backup'
  const total = continued ? undefined : await itemsToRead(control)
  const result = await backUp({ api, control, title, total, signal, out: process.stdout })
  const { stored, restated, ledger } = result.counts
  const items = stored + restated
  say(
    `${pc.green('Backed up')}: ${plural(items, 'item')} (${sizeText(result.bytes)}) in ` +
      `${durationText(result.seconds)} with ${plural(requestsOf(result.requests), 'request')}; ` +
      `${ledger === 0 ? 'nothing had to be left out' : `${ledger} in the ledger`}.`,
  )
  say(`\n${coverageText(await readCoverage(api))}`)
}

async function writeToken(stack: Stack, dir: DataDir): Promise<void> {
  const { token } = await stack.control.issueApiToken({
    ...{ name: 'sandbox', roles: [...ROLES], lifeSeconds: TOKEN_SECONDS },
  })
  writeFileSync(dir.token, token, { mode: TOKEN_MODE })
}

async function sayWhatToDo(stack: Stack, api: ApiClient, dir: DataDir): Promise<void> {
  await writeToken(stack, dir)
  const file = join(dir.path, 'state', 'sample.json')
  const sample = readSample(file) ?? (await loseSample(api, stack.control, file))
  const fileNote = join(dir.path, 'state', 'sample-file.json')
  const lostFile = readSample(fileNote) ?? (await loseFile(api, stack.control, fileNote))
  const tokenFile = shortPath(dir.token)
  const { apiUrl, tenantUrl, controlUrl, azurite } = stack
  const addresses = [
    ['API', `${apiUrl}/api/v1  (token in ${tokenFile}, see docs/api.md)`],
    ['tenant: Graph, sign-in', tenantUrl],
    ['tenant: control', controlUrl],
    ['Azurite: blobs', azurite.blobUrl],
    ['logs', shortPath(dir.log('*'))],
  ] as const
  say(`\n${pc.bold('Addresses')}`)
  for (const [name, address] of addresses) say(`  ${name.padEnd(24)}${address}`)
  say(`\n${pc.bold('Ask the API')}  (in another terminal, in this folder)`)
  for (const line of await questions(api, { apiUrl, tokenFile })) say(pc.cyan(line))
  say(`\n${pc.bold('Try a restore')}`)
  say(`${sample.name} lost the message "${sample.subject}" from ${sample.folder}.`)
  say('Paste this to get it back:\n')
  say(pc.cyan(restoreCommand(sample, { apiUrl, tokenFile })))
  if (lostFile !== undefined) {
    say(`\n${lostFile.name} lost a file in OneDrive too, ${lostFile.folder}:\n`)
    say(pc.cyan(restoreCommand(lostFile, { apiUrl, tokenFile })))
  }
  say(`\n${pc.bold('Everything is up.')} Ctrl-C stops it.`)
}

/** For a POSIX shell with curl: coverage in one answer, and what could not be stored. */
async function questions(
  api: ApiClient,
  { apiUrl, tokenFile }: { apiUrl: string; tokenFile: string },
): Promise<string[]> {
  const lines = await readCoverage(api)
  const { id, workload } = lines.find(({ ledger }) => ledger.length > 0) ??
    lines[0] ?? { id: '', workload: 'mail' }
  return [
    `H="Authorization: Bearer $(cat '${tokenFile}')"; A=${apiUrl}/api/v1`,
    'curl -s -H "$H" $A/status',
    `curl -s -H "$H" "$A/ledger?resource=${id}&workload=${workload}"`,
  ]
}

/** Relative where that is shorter: commands are pasted where the sandbox was started. */
function shortPath(path: string): string {
  const short = relative(process.cwd(), path)
  return short.startsWith('..') ? path : short
}

await live(start)
