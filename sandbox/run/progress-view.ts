/**
 * Shows progress: a bar that is drawn over in a terminal, a plain line every few seconds in a
 * pipe or a log file.
 */
import { MultiBar, Presets, type SingleBar } from 'cli-progress'
import pc from 'picocolors'
import { countText, type Pace, paceText } from './progress.ts'

const LINE_EVERY_MS = 3_000

export interface ProgressView {
  update(pace: Pace): void
  /** Leaves the last state on the screen. Idempotent. */
  end(): void
}

export interface ViewOptions {
  title: string
  total: number
  out: NodeJS.WriteStream
}

export function openView(options: ViewOptions): ProgressView {
  return options.out.isTTY ? barView(options) : lineView(options)
}

function barView({ title, total, out }: ViewOptions): ProgressView {
  const format = `${pc.bold(title)} {bar} {value}/{total} · {pace}`
  const bars = new MultiBar(
    { format, stream: out, hideCursor: true, barsize: 24, linewrap: false, forceRedraw: true },
    Presets.rect,
  )
  const bar: SingleBar = bars.create(total, 0, { pace: 'beginning' })
  return {
    update(pace) {
      if (pace.items > total) bar.setTotal(pace.items)
      bar.update(pace.items, { pace: paceText(pace) })
    },
    end: () => bars.stop(),
  }
}

function lineView({ title, total, out }: ViewOptions): ProgressView {
  let shownAtMs = Number.NEGATIVE_INFINITY
  let last: Pace | undefined
  const show = (pace: Pace) => {
    out.write(`${title}: ${countText(pace.items)} of ${countText(total)} · ${paceText(pace)}\n`)
    last = undefined
  }
  return {
    update(pace) {
      last = pace
      if (performance.now() - shownAtMs < LINE_EVERY_MS) return
      shownAtMs = performance.now()
      show(pace)
    },
    end() {
      if (last !== undefined) show(last)
    },
  }
}
