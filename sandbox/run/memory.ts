/** Peak memory of processes, from /proc: Linux only; elsewhere nothing is measured and said so. */
import { readFile } from 'node:fs/promises'

const SAMPLE_MS = 1_000

export interface MemoryWatch {
  /** MB (10^6 bytes); undefined where the system does not tell. */
  peakMb(): number | undefined
  stop(): Promise<void>
}

/**
 * Watches the processes that `pids` names at each sample. The peak of a process is the kernel's
 * own (VmHWM), so nothing between two samples is missed but the last second of one that died.
 */
export function watchMemory(pids: () => readonly number[]): MemoryWatch {
  let peak: number | undefined
  const sample = async () => {
    for (const pid of pids()) {
      const mb = await highWaterMb(pid)
      if (mb !== undefined) peak = Math.max(peak ?? 0, mb)
    }
  }
  let last = Promise.resolve()
  const timer = setInterval(() => {
    last = last.then(sample)
  }, SAMPLE_MS)
  // Work that fails or is interrupted before `stop` must not keep the command from ending.
  timer.unref()
  return {
    peakMb: () => peak,
    async stop() {
      clearInterval(timer)
      last = last.then(sample)
      await last
    },
  }
}

async function highWaterMb(pid: number): Promise<number | undefined> {
  try {
    return parseHighWater(await readFile(`/proc/${pid}/status`, 'utf8'))
  } catch (error) {
    // The process has ended, or this system has no /proc.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

export function parseHighWater(status: string): number | undefined {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  return kib === undefined ? undefined : (Number(kib) * 1024) / 1e6
}
