/**
 * `npm run test:conformance`: all cases on the embedded host, or on any Functions host that runs
 * the app of this suite (docs/conformance.md).
 *
 *   --url URL          that host; without it the embedded host is started
 *   --streaming-url URL  a second host, with the app that streams
 *   --only ID          one case; several times for several
 *   --transcripts FILE writes what each case gave, as JSON with sorted cases, to compare two hosts
 *   --prepare DIR      writes an app folder for another host, and runs nothing
 *
 * Exit codes: 0 all as expected, 1 some differ, 64 wrong arguments.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CASES } from './cases/index.ts'
import type { ConformanceCase, Transcript } from './suite/case.ts'
import { runAll, type Verdict } from './suite/compare.ts'
import { startEmbedded } from './suite/embedded.ts'
import { expectedOf, type HostUnderTest } from './suite/run.ts'

/** A real host polls its queues, up to half a minute apart when it was idle. */
const WAIT_MS = 180_000
const HERE = fileURLToPath(new URL('.', import.meta.url))

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    'streaming-url': { type: 'string' },
    only: { type: 'string', multiple: true, default: [] },
    transcripts: { type: 'string' },
    prepare: { type: 'string' },
  },
})

if (values.prepare !== undefined) prepare(values.prepare)
else process.exitCode = await main()

async function main(): Promise<number> {
  const unknown = values.only.filter((id) => !CASES.some((one) => one.id === id))
  if (unknown.length > 0) {
    process.stderr.write(`There is no case ${unknown.join(', ')}.\n`)
    return 64
  }
  const cases = CASES.filter(({ id }) => values.only.length === 0 || values.only.includes(id))
  if (values.url !== undefined) {
    // A hub keeps instances of earlier runs: each run has ids of its own.
    const tag = Date.now().toString(36)
    const url = values.url.replace(/\/$/, '')
    const streamingUrl = values['streaming-url']?.replace(/\/$/, '')
    const host = { url, waitMs: WAIT_MS, isEmbedded: false, ...(streamingUrl && { streamingUrl }) }
    return await run(host, cases, tag)
  }
  const embedded = await startEmbedded()
  try {
    return await run(embedded, cases, 'e')
  } finally {
    await embedded.stop()
  }
}

async function run(
  host: HostUnderTest,
  cases: readonly ConformanceCase[],
  tag: string,
): Promise<number> {
  const transcripts: Record<string, Transcript | undefined> = {}
  const count: Record<Verdict['verdict'], number> = {
    ...{ 'as expected': 0, differs: 0, broke: 0, skipped: 0 },
  }
  await runAll(host, cases, tag, (one, verdict) => {
    count[verdict.verdict] += 1
    if ('transcript' in verdict) transcripts[one.id] = verdict.transcript
    process.stdout.write(linesOf(one, verdict, host))
  })
  if (values.transcripts !== undefined) {
    const sorted = Object.fromEntries(Object.entries(transcripts).sort())
    writeFileSync(values.transcripts, `${JSON.stringify(sorted, null, 2)}\n`)
  }
  const bad = count.differs + count.broke
  process.stdout.write(
    `\n${cases.length} cases: ${count['as expected']} as expected, ${bad} not, ${count.skipped} skipped\n`,
  )
  return bad === 0 ? 0 : 1
}

function linesOf(one: ConformanceCase, verdict: Verdict, host: HostUnderTest): string {
  switch (verdict.verdict) {
    case 'as expected':
      return host.isEmbedded && one.embedded
        ? `ok       ${one.id} (differs here, as it is known to: ${one.embedded.why})\n`
        : `ok       ${one.id}\n`
    case 'skipped':
      return `skipped  ${one.id}: ${verdict.why}\n`
    case 'broke':
      return `BROKE    ${one.id}: ${one.says}\n         ${verdict.why}\n`
    case 'differs': {
      const { transcript, members } = verdict
      const told = members.map((name) => {
        const member = name as keyof Transcript
        const [is, expected] = [transcript[member], expectedOf(host, one)[member]].map((x) =>
          JSON.stringify(x),
        )
        return `         ${name} is ${is}\n         expected ${expected}\n`
      })
      return `DIFFERS  ${one.id}: ${one.says}\n         (${one.source})\n${told.join('')}`
    }
  }
}

/** Node 24 strips the types, so the app's sources are what a worker loads. */
function prepare(folder: string): void {
  if (existsSync(join(folder, 'host.json'))) throw new Error(`${folder} holds an app already`)
  mkdirSync(folder, { recursive: true })
  for (const part of ['app', 'cases', 'suite']) {
    cpSync(join(HERE, part), join(folder, part), { recursive: true })
  }
  cpSync(join(HERE, 'app', 'host.json'), join(folder, 'host.json'))
  const own = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const versionOf = (name: string): string => own.dependencies[name]
  const dependencies = Object.fromEntries(
    ['@azure/functions', 'durable-functions'].map((name) => [name, versionOf(name)]),
  )
  const made = { private: true, type: 'module', main: 'app/app.ts', dependencies }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(made, null, 2)}\n`)
  process.stdout.write(
    `${folder} is ready: run "npm install" there, start your host, then\n` +
      '  npm run test:conformance -- --url http://127.0.0.1:7071\n',
  )
}
