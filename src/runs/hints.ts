/**
 * The activity that asks owners whether anything changed, before a scheduled run is planned
 * (DESIGN 4, tick).
 *
 * An owner that has not changed costs one request and one row update, and is not planned. One
 * that has is made due, in its row, so that it stays so wherever this stops. Each answer moves
 * the owner's own times, so a call that is delivered twice asks nobody twice, and the next call
 * goes on by looking at who is left. Memory: one batch of owners.
 */
import { askHint, type Hint } from '../capture/index.ts'
import type { Catalogue, HintCounts, Owner, Run } from '../catalogue/types.ts'
import { eachBounded } from '../concurrency/index.ts'
import { AppError } from '../model/errors.ts'
import type { BackupRunInput, HintAnswer } from '../orchestrations/names.ts'
import type { RunDeps } from './activities.ts'
import { isHintDue, protectedKeys } from './due.ts'
import { isOver, planning } from './run-state.ts'

/** After this a call asks nobody any more. */
const CALL_MS = 120_000
/** One owner; a service that is slower has not answered. */
const ASK_MS = 30_000
/** An owner for whom that was not enough is asked again so much later. */
const WAIT_MS = 60_000
const BATCH_OWNERS = 200
/** Mailboxes asked at once; each has a budget of its own. */
const ASKED_AT_ONCE = 16
/** Owners in a row that the service did not answer for: then nobody else is asked in this run. */
const OUTAGE_RUN_MAX = 20

export const NO_HINTS: HintCounts = { unchanged: 0, changed: 0, unanswered: 0, requests: 0 }

/** Asks nobody where the run is one that a person asked for: that reads what it names. */
export async function askHints(
  input: BackupRunInput,
  deps: RunDeps,
  signal: AbortSignal,
): Promise<HintAnswer> {
  const { catalogue } = deps
  const run = await catalogue.runs.get(input.run, signal)
  const asker = new Asker(deps, signal)
  if (!run || !mayAsk(run) || !(await catalogue.ready(signal))) return asker.answer('done')
  try {
    return asker.answer(await askAll(run, asker, deps, signal))
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'bug') throw error
    // Who is due without a hint is worked all the same.
    deps.log.error('hints stopped', { run: run.id, trouble: error.code })
    return asker.answer('done')
  }
}

async function askAll(
  run: Run,
  asker: Asker,
  deps: RunDeps,
  signal: AbortSignal,
): Promise<HintAnswer['state']> {
  for await (const owners of hintDue(Date.parse(run.createdAt), deps.catalogue, signal)) {
    const counts = await asker.ask(owners)
    const at = deps.clock.now()
    await deps.catalogue.runs.update(run.id, (now) => withHints(now, counts, at), signal)
    if (asker.isOutage) {
      deps.log.error('hints stopped', { run: run.id, trouble: 'GraphUnavailable' })
      return 'done'
    }
    if (asker.isLate) return 'more'
  }
  return 'done'
}

function mayAsk(run: Run): boolean {
  return run.kind === 'scheduled' && !isOver(run) && !run.flags.cancel && !run.flags.pause
}

/**
 * Protected owners that were to be asked when the run began, batch by batch. Whoever was asked
 * since has later times, however short the interval.
 */
async function* hintDue(
  at: number,
  catalogue: Catalogue,
  signal: AbortSignal,
): AsyncGenerator<Owner[]> {
  const known = await protectedKeys(catalogue, signal)
  let batch: Owner[] = []
  for await (const owner of catalogue.owners.all(signal)) {
    if (!isHintDue(owner, at) || !known.has(owner.resource)) continue
    batch.push(owner)
    if (batch.length < BATCH_OWNERS) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

function withHints(run: Run, counts: HintCounts, at: number): Run {
  return { ...planning(run, at), hints: added(run.hints ?? NO_HINTS, counts) }
}

function added(a: HintCounts, b: HintCounts): HintCounts {
  return {
    unchanged: a.unchanged + b.unchanged,
    changed: a.changed + b.changed,
    unanswered: a.unanswered + b.unanswered,
    requests: a.requests + b.requests,
  }
}

/** Owners that were asked, whatever came of it. */
export function askedOf({ unchanged, changed, unanswered }: HintCounts): number {
  return unchanged + changed + unanswered
}

/** Asks one batch after the other, until its time is over. */
class Asker {
  readonly #deps: RunDeps
  readonly #signal: AbortSignal
  readonly #until: number
  #sum = NO_HINTS
  #unansweredRun = 0

  constructor(deps: RunDeps, signal: AbortSignal) {
    this.#deps = deps
    this.#signal = signal
    this.#until = deps.clock.now() + CALL_MS
  }

  get isLate(): boolean {
    return this.#deps.clock.now() >= this.#until
  }

  get isOutage(): boolean {
    return this.#unansweredRun >= OUTAGE_RUN_MAX
  }

  answer(state: HintAnswer['state']): HintAnswer {
    return { state, asked: askedOf(this.#sum), unchanged: this.#sum.unchanged }
  }

  async ask(owners: readonly Owner[]): Promise<HintCounts> {
    let counts = NO_HINTS
    const stopped = () => this.isLate || this.isOutage
    const askOne = async (owner: Owner) => {
      const hint = await this.#hintOf(owner)
      this.#unansweredRun = hint.isOutage ? this.#unansweredRun + 1 : 0
      await this.#note(owner, hint)
      counts = added(counts, { ...NO_HINTS, [hint.says]: 1, requests: hint.requests })
    }
    await eachBounded(owners, ASKED_AT_ONCE, askOne, stopped)
    this.#sum = added(this.#sum, counts)
    return counts
  }

  /**
   * A defect that one owner meets must not end the run of all the others: its own slice shall meet
   * it, where it is counted, and ends that owner as poison.
   */
  async #hintOf(owner: Owner): Promise<Hint> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(ASK_MS)])
    try {
      return await askHint(owner, this.#deps.slice, signal)
    } catch (error) {
      if (this.#signal.aborted) throw error
      // Storage and keys end with the signal's own reason where the time for this owner is over.
      if (error instanceof DOMException && error.name === 'TimeoutError') {
        return { says: 'unanswered', retryAfterMs: WAIT_MS, isOutage: true, requests: 0 }
      }
      const trouble = error instanceof AppError ? error.code : 'Defect'
      this.#deps.log.error('hint failed', { owner: owner.owner, trouble })
      return { says: 'changed', retryAfterMs: 0, isOutage: false, requests: 0 }
    }
  }

  /** Where the row's times have moved meanwhile, a slice has been there: that knows better. */
  async #note(owner: Owner, hint: Hint): Promise<void> {
    const { catalogue, clock, slice } = this.#deps
    const at = (ms: number) => new Date(clock.now() + ms).toISOString()
    const times = {
      changed: { dueAt: at(0), hintAt: at(slice.settings.intervalMs) },
      unchanged: { hintAt: at(slice.settings.intervalMs) },
      unanswered: { hintAt: at(hint.retryAfterMs) },
    }[hint.says]
    await catalogue.owners.update(
      owner.owner,
      (now) => (now.hintAt === owner.hintAt ? { ...now, ...times } : now),
      this.#signal,
    )
  }
}
