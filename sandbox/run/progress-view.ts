/**
 * Shows progress: a bar that is drawn over in a terminal, a plain line every few seconds in a
 * pipe or a log file.
 */
import { MultiBar, Presets, type SingleBar } from 'cli-progress'
import pc from 'picocolors'
import { countText, type Pace, paceText, plural } from './progress.ts'

const LINE_EVERY_MS = 3_000
/** Until the first slice tells what it did. */
const WAITING = 'looking for mailboxes and changes'

export interface ProgressView {
  update(pace: Pace): void
  /** Leaves the last state on the screen. Idempotent. */
  end(): void
}

export interface ViewOptions {
  title: string
  /** Undefined: nobody knows how much there is. */
  total: number | undefined
  out: NodeJS.WriteStream
}

export function openView(options: ViewOptions): ProgressView {
  return options.out.isTTY ? barView(options) : lineView(options)
}

function barView({ title, total, out }: ViewOptions): ProgressView {
  const many = total === undefined ? '{value} items' : '{bar} {value}/{total}'
  const bars = new MultiBar(
    {
      ...{ format: `${pc.bold(title)} ${many} · {pace}`, stream: out, hideCursor: true },
      ...{ barsize: 24, linewrap: false, forceRedraw: true },
    },
    Presets.rect,
  )
  const bar: SingleBar = bars.create(total ?? 0, 0, { pace: WAITING })
  return {
    update(pace) {
      if (pace.items > bar.getTotal()) bar.setTotal(pace.items)
      bar.update(pace.items, { pace: pace.requests === 0 ? WAITING : paceText(pace) })
    },
    end: () => bars.stop(),
  }
}

function lineView({ title, total, out }: ViewOptions): ProgressView {
  let shownAtMs = Number.NEGATIVE_INFINITY
  let last: Pace | undefined
  let isWaitingShown = false
  const show = (pace: Pace) => {
    const many =
      total === undefined
        ? plural(pace.items, 'item')
        : `${countText(pace.items)} of ${plural(Math.max(total, pace.items), 'item')}`
    out.write(`${title}: ${many} · ${paceText(pace)}\n`)
    last = undefined
  }
  return {
    update(pace) {
      if (pace.requests === 0) {
        if (!isWaitingShown) out.write(`${title}: ${WAITING}\n`)
        isWaitingShown = true
        return
      }
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
