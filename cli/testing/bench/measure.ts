/**
 * One measurement in a process of its own, so that its peak memory is its own:
 * `measure.ts sha256|hashes|full VAULT KEYS` prints one line of JSON.
 */
import { createHash } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { localFiles } from '../../../src/adapters/local-files.ts'
import { localKeys } from '../../../src/adapters/local-keys.ts'
import {
  reportOf,
  type VerifyProgress,
  verifyStart,
  verifyVault,
} from '../../../src/vault/verify/index.ts'

const PIECE_BYTES = 4 * 1024 * 1024
const { signal } = new AbortController()
const NOTHING_OPENED = { openedBytes: 0, openedMs: 0, itemBytes: 0 }

export interface Measured {
  ms: number
  packBytes: number
  /** Plain bytes of the segments that were opened, each once, and until when that took. */
  openedBytes: number
  openedMs: number
  /** Plain bytes of the items that were put together after that, for which segments open again. */
  itemBytes: number
  peakMb: number
  outcome: string
}

/** What any program does that hashes the packs: the fastest way that Node has. */
async function sha256(vault: string): Promise<Omit<Measured, 'ms' | 'peakMb'>> {
  const piece = Buffer.allocUnsafe(PIECE_BYTES)
  let packBytes = 0
  for await (const { name } of localFiles(vault).list('packs/', signal)) {
    const hash = createHash('sha256')
    const handle = await open(join(vault, name))
    for (;;) {
      const { bytesRead } = await handle.read(piece, 0, PIECE_BYTES)
      if (bytesRead === 0) break
      hash.update(piece.subarray(0, bytesRead))
      packBytes += bytesRead
    }
    hash.digest('hex')
    await handle.close()
  }
  return { packBytes, ...NOTHING_OPENED, outcome: 'hashes' }
}

/** Owners after each other would take both steps in turn: the vault of the bench has one. */
async function verified(
  vault: string,
  keys: string,
  openPercent: number,
): Promise<Omit<Measured, 'ms' | 'peakMb'>> {
  const deps = { store: localFiles(vault), keys: localKeys(keys) }
  const plan = { openPercent, seed: 'bench' }
  let openedMs = 0
  const onProgress = ({ at }: VerifyProgress) => {
    if (at.step === 'items' && openedMs === 0) openedMs = performance.now() - began
  }
  const end = await verifyVault(deps, verifyStart(plan), { onProgress }, signal)
  const { counts, outcome } = reportOf(end)
  const { packBytes, openedBytes, itemBytes } = counts
  return { packBytes, openedBytes, openedMs, itemBytes, outcome }
}

/** The peak of this process alone: what getrusage says begins with that of the parent. */
async function highWaterMb(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  return ((kib === undefined ? process.resourceUsage().maxRSS : Number(kib)) * 1024) / 1e6
}

const [way = '', vault = '', keys = ''] = process.argv.slice(2)
const began = performance.now()
const done =
  way === 'sha256' ? await sha256(vault) : await verified(vault, keys, way === 'full' ? 100 : 0)
const ms = performance.now() - began
const peakMb = await highWaterMb()
process.stdout.write(`${JSON.stringify({ ms, peakMb, ...done } satisfies Measured)}\n`)
