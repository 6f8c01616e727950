/**
 * `npm run bench:verify`: how fast a vault is verified, beside plain SHA-256 of the same bytes, and
 * in how much memory.
 *
 * Each way runs several times in turn, and the fastest run of each counts: what else the machine
 * does makes runs slower, never faster. Exit code 1 where a limit does not hold.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { bytesText, tableText } from '../../out/table.ts'
import { type BenchVault, generate } from './generate.ts'
import type { Measured } from './measure.ts'

const USAGE = `usage: npm run bench:verify -- [--json] [--gb N] [--runs N] [--dir FOLDER]
  --json        print the figures as one JSON document on the last line
  --gb N        size of the packs (default 1.5)
  --runs N      runs of each way; the fastest counts (default 5)
  --dir FOLDER  where the vault is made and removed again (default: the folder for temporary files)`

const LIMITS = { hashesRatioLeast: 1 / 2, openedRatioLeast: 1 / 10, peakMbMost: 300 } as const
const WAYS = ['sha256', 'hashes', 'full'] as const
type Way = (typeof WAYS)[number]

/** Those of the command itself (cli/holdfast.ts). */
const NODE_OPTIONS = ['--max-semi-space-size=4']

const run = promisify(execFile)

function readArgs() {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      gb: { type: 'string', default: '1.5' },
      runs: { type: 'string', default: '5' },
      dir: { type: 'string', default: tmpdir() },
    },
  })
  const { json, dir } = values
  const [gb, runs] = [Number(values.gb), Number(values.runs)]
  if (!(gb > 0) || !(runs >= 1)) throw new RangeError(USAGE)
  return { json, dir, gb, runs }
}

async function measureOnce(way: Way, { vault, keys }: BenchVault): Promise<Measured> {
  const script = fileURLToPath(new URL('./measure.ts', import.meta.url))
  const { stdout } = await run(process.execPath, [...NODE_OPTIONS, script, way, vault, keys])
  return JSON.parse(stdout)
}

async function fastest(at: BenchVault, runs: number): Promise<Record<Way, Measured>> {
  const best: Partial<Record<Way, Measured>> = {}
  // Once before, so that every way finds the files in the cache of the system.
  await measureOnce('sha256', at)
  for (let n = 0; n < runs; n += 1) {
    for (const way of WAYS) {
      const now = await measureOnce(way, at)
      const before = best[way]
      const peakMb = Math.max(now.peakMb, before?.peakMb ?? 0)
      best[way] = { ...(before && before.ms < now.ms ? before : now), peakMb }
    }
  }
  return best as Record<Way, Measured>
}

/** Bytes in a second. */
const rate = (bytes: number, ms: number) => (bytes / ms) * 1000

function figuresOf({ sha256, hashes, full }: Record<Way, Measured>) {
  const bytesPerSecond = {
    sha256: rate(sha256.packBytes, sha256.ms),
    hashes: rate(hashes.packBytes, hashes.ms),
    opened: rate(full.openedBytes, full.openedMs),
    items: rate(full.itemBytes, full.ms - full.openedMs),
  }
  const ratioOf = (step: keyof typeof bytesPerSecond) =>
    bytesPerSecond[step] / bytesPerSecond.sha256
  const ratios = { hashes: ratioOf('hashes'), opened: ratioOf('opened'), items: ratioOf('items') }
  const peakMb = { sha256: sha256.peakMb, hashes: hashes.peakMb, full: full.peakMb }
  const ok =
    hashes.outcome === 'hashes' &&
    full.outcome === 'verified' &&
    ratios.hashes >= LIMITS.hashesRatioLeast &&
    Math.min(ratios.opened, ratios.items) >= LIMITS.openedRatioLeast &&
    Math.max(peakMb.hashes, peakMb.full) <= LIMITS.peakMbMost
  const seconds = {
    ...{ sha256: sha256.ms / 1000, hashes: hashes.ms / 1000 },
    ...{ opened: full.openedMs / 1000, items: (full.ms - full.openedMs) / 1000 },
  }
  const { packBytes } = sha256
  const { openedBytes, itemBytes } = full
  const limits = LIMITS
  const bytes = { packBytes, openedBytes, itemBytes }
  return { ok, ...bytes, seconds, bytesPerSecond, ratios, peakMb, limits }
}

type Figures = ReturnType<typeof figuresOf>

function figuresText(figures: Figures): string {
  const { seconds, bytesPerSecond, ratios, peakMb, packBytes, openedBytes, itemBytes } = figures
  const row = (step: keyof Figures['seconds'], name: string, peak: number, limit = '') => [
    ...[name, seconds[step].toFixed(2), `${bytesText(bytesPerSecond[step])}/s`],
    ...[step === 'sha256' ? '1' : ratios[step].toFixed(2), limit, `${peak.toFixed(0)} MB`],
  ]
  const { hashesRatioLeast, openedRatioLeast } = LIMITS
  const rows = [
    row('sha256', 'plain SHA-256', peakMb.sha256),
    row('hashes', 'hashes only', peakMb.hashes, `${hashesRatioLeast}`),
    row('opened', 'every segment opened', peakMb.full, `${openedRatioLeast}`),
    row('items', 'then every item put together', peakMb.full, `${openedRatioLeast}`),
  ]
  const opened = `${bytesText(openedBytes)} of plain bytes in segments, ${bytesText(itemBytes)} in items`
  return [
    `packs of ${bytesText(packBytes)}: ${opened}`,
    tableText(['', '>seconds', '>speed', '>ratio', '>at least', '>peak memory'], rows),
    figures.ok ? 'Every limit holds.' : 'A limit does not hold.',
  ].join('\n')
}

const { json, dir, gb, runs } = readArgs()
const out = json ? process.stderr : process.stdout
const folder = await mkdtemp(join(dir, 'holdfast-bench-'))
const life = new AbortController()
process.once('SIGINT', () => life.abort(new Error('Interrupted.')))
try {
  out.write(`Making a vault of ${gb} GB ...\n`)
  const at = await generate(folder, gb * 1e9, life.signal)
  out.write('Measuring ...\n')
  const figures = figuresOf(await fastest(at, runs))
  out.write(`${figuresText(figures)}\n`)
  if (json) process.stdout.write(`${JSON.stringify(figures)}\n`)
  process.exitCode = figures.ok ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
