/** A clock that a test moves by hand; sleepers wake in the order of their times. */
import type { Clock } from '../../ports.ts'

export interface HandClock extends Clock {
  advance(ms: number): void
}

export function handClock(startMs: number): HandClock {
  let now = startMs
  const sleepers = new Set<{ at: number; wake: () => void }>()
  return {
    now: () => now,
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const sleeper = { at: now + ms, wake: resolve }
        sleepers.add(sleeper)
        signal.addEventListener('abort', () => {
          if (sleepers.delete(sleeper)) reject(signal.reason)
        })
      })
    },
    advance(ms) {
      now += ms
      const due = [...sleepers].filter((s) => s.at <= now).sort((a, b) => a.at - b.at)
      for (const sleeper of due) {
        sleepers.delete(sleeper)
        sleeper.wake()
      }
    },
  }
}
