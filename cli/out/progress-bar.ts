/** A bar on standard error while somebody watches; nothing in a pipe. */
import { Presets, SingleBar } from 'cli-progress'
import type { Output } from './output.ts'
import { bytesText } from './table.ts'

export interface ProgressBar {
  update(done: { items: number; bytes?: number; now?: string }): void
  /** Idempotent. */
  end(): void
}

/** `total` 0: nobody knows how much there is. */
export function progressBar(
  { title, total, unit }: { title: string; total: number; unit: string },
  output: Output,
): ProgressBar {
  if (!output.isWatched) return { update: () => undefined, end: () => undefined }
  const many = total === 0 ? '{value}' : '{bar} {value}/{total}'
  const bar = new SingleBar(
    {
      ...{ format: `${title} ${many} ${unit} · {bytes}{now}`, hideCursor: true, barsize: 24 },
      ...{ stream: process.stderr, linewrap: false },
    },
    Presets.rect,
  )
  bar.start(total, 0, { bytes: '', now: '' })
  return {
    update: ({ items, bytes, now = '' }) => {
      bar.update(items, { bytes: bytes === undefined ? '' : `${bytesText(bytes)} `, now })
    },
    end: () => bar.stop(),
  }
}
