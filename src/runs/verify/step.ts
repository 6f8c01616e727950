/**
 * One step of a verification of all owners: takes the owner under work, or the next one, goes on
 * from where it is until the deadline, and says in the row what it found.
 *
 * The row holds all that is known: a step that is repeated, or that dies anywhere, is gone on with
 * by the next. One step works at a time; who finds another one at work waits until it has ended or
 * must have vanished. Needs the right to unwrap where segments are opened.
 */
import type { OpenVerification, Verification } from '../../catalogue/types.ts'
import { AppError } from '../../model/errors.ts'
import type { OwnerId } from '../../model/ids.ts'
import { iso } from '../../model/time.ts'
import type { VerifyAnswer, VerifyRunInput } from '../../orchestrations/names.ts'
import { createRecord } from '../../vault/retention/index.ts'
import { ownersHeld } from '../../vault/verify/index.ts'
import { lookAt, SUPERSEDED } from './owner.ts'
import {
  begun,
  closed,
  type Ending,
  ended,
  isWorked,
  lookedTwice,
  reportDocument,
  reportName,
  saved,
  taken,
  verifiedBy,
} from './verification.ts'
import { change, type Step, type VerifyRunDeps, versionsOf } from './work.ts'

const WAIT_MS = 60_000
/** Steps that came no further and said nothing: whoever verifies this owner vanishes. */
const VANISHED_MAX = 3
/** Steps that met trouble that may pass: an hour at least. */
const TROUBLED_MAX = 60
/** So long a report that is refused is tried again. */
const REPORT_MS = 24 * 3_600_000

/**
 * Throws what is a defect, and trouble of the tables or of the list of owners: the orchestration
 * calls again.
 */
export async function verifyStep(
  input: VerifyRunInput,
  deps: VerifyRunDeps,
  signal: AbortSignal,
): Promise<VerifyAnswer> {
  const { clock, random, sliceMs } = deps
  const worker = Buffer.from(random.bytes(8)).toString('hex')
  const id = input.verification
  const step: Step = { id, worker, deadline: clock.now() + sliceMs, deps, signal }
  const row = await change(step, (now) => begun(now, clock.now()))
  if (!row || row.state === 'done') return answer('done', clock.now())
  for (;;) {
    const told = await workNext(step)
    if (told) return told
    if (clock.now() >= step.deadline) return answer('more', clock.now())
  }
}

const answer = (state: VerifyAnswer['state'], at: number): VerifyAnswer => ({
  state,
  nextAt: iso(at),
})

/** Undefined: an owner is done with, and there may be more. */
async function workNext(step: Step): Promise<VerifyAnswer | undefined> {
  const { clock, sliceMs, slackMs } = step.deps
  const now = clock.now()
  const row = await step.deps.catalogue.verifications.get(step.id, step.signal)
  if (!row || row.state === 'done') return answer('done', now)
  if (isWorked(row.open, now)) return await waitFor(step, Date.parse(row.open?.until ?? ''))
  const owner = row.open || row.endedAt ? undefined : await nextOwner(step, row)
  if (!row.open && owner === undefined) return await finish(step)
  const until = now + sliceMs + slackMs
  const mine = await change(step, (at) => taken(at, { worker: step.worker, until, at: now, owner }))
  const open = mine?.open
  // Another step was faster.
  if (!mine || open?.worker !== step.worker) return undefined
  return await workOwner(step, mine, open)
}

async function nextOwner(step: Step, row: Verification): Promise<OwnerId | undefined> {
  const versions = versionsOf(step, row)
  const { store } = step.deps
  step.owners ??= await ownersHeld({ store, ...(versions && { versions }) }, step.signal)
  return step.owners.find((owner) => owner > row.position)
}

/** A due time, and no sleeping activity; the reconciler sees that somebody waits. */
async function waitFor(step: Step, until: number): Promise<VerifyAnswer> {
  await change(step, (now) => (now.state === 'done' ? now : { ...now, heartbeatAt: iso(until) }))
  return answer('wait', until)
}

/** What is refused for a while is asked for again no sooner than after a minute. */
const waitOf = ({ retryAfterMs = 0 }: AppError): number => Math.max(WAIT_MS, retryAfterMs)

const mayPass = ({ kind }: AppError): boolean => kind !== 'permanent' && kind !== 'corrupt'

async function workOwner(
  step: Step,
  row: Verification,
  open: OpenVerification,
): Promise<VerifyAnswer | undefined> {
  const { clock, log } = step.deps
  const { owner } = open
  const stalled = open.tries > (open.trouble === '' ? VANISHED_MAX : TROUBLED_MAX)
  if (stalled) {
    await end(step, open, { as: 'failed', trouble: open.trouble || 'NoProgress' })
    return undefined
  }
  try {
    const ending = await lookAt(step, row, open)
    if (ending === 'paused') return answer('more', clock.now())
    if (ending.as === 'seen' && ending.report.severities.error > 0 && !open.again) {
      await change(step, (now) => lookedTwice(now, step.worker, clock.now()))
    } else {
      await end(step, open, ending)
    }
    return undefined
  } catch (error) {
    if (error === SUPERSEDED) return answer('more', clock.now())
    if (!(error instanceof AppError) || error.kind === 'bug') throw error
    log.error('verification of an owner', { verification: step.id, owner, trouble: error.code })
    if (!mayPass(error)) {
      await end(step, open, { as: 'failed', trouble: error.code })
      return undefined
    }
    const at = clock.now() + waitOf(error)
    const left = { worker: '', trouble: error.code, at: clock.now(), heartbeatAt: at }
    await change(step, (now) => saved(now, step.worker, left))
    return answer('wait', at)
  }
}

/** First the owner's row, which says the same again; then the list, which counts once. */
async function end(step: Step, open: OpenVerification, ending: Ending): Promise<void> {
  const { catalogue, clock, log } = step.deps
  const { verifications, owners } = catalogue
  const { owner } = open
  const at = clock.now()
  if (ending.as === 'seen') {
    const { report } = ending
    const row = await verifications.get(step.id, step.signal)
    // It slept, and who looked later has said what is so now.
    if (row?.open?.worker !== step.worker) return
    const mark = { began: open.began, at }
    await owners.update(
      owner,
      (now) => ({ ...now, verified: verifiedBy(now.verified, report, mark) }),
      step.signal,
    )
    const errors = report.severities.error
    if (errors > 0) {
      log.error('verification found what is lost', { verification: step.id, owner, errors })
    }
  }
  await change(step, (now) => ended(now, { owner, worker: step.worker, at }, ending))
}

/**
 * The end is in the row before the report is written, so that the report is the same each time.
 * Undefined: an owner was taken meanwhile.
 */
async function finish(step: Step): Promise<VerifyAnswer | undefined> {
  const { deps, signal } = step
  const { clock, log, ops } = deps
  const now = clock.now()
  const row = await change(step, (one) => closed(one, now))
  if (!row || row.state === 'done') return answer('done', now)
  const { endedAt } = row
  if (endedAt === undefined) return undefined
  const name = reportName(row.id, endedAt)
  let trouble = ''
  try {
    await createRecord(ops, name, reportDocument(row, endedAt), signal)
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'bug') throw error
    if (mayPass(error) && now - Date.parse(endedAt) < REPORT_MS) {
      return await waitFor(step, now + waitOf(error))
    }
    trouble = error.code
    log.error('verification without a report', { verification: row.id, trouble })
  }
  await change(step, (one) => {
    if (one.state === 'done') return one
    const done = { ...one, state: 'done', heartbeatAt: iso(now) } as const
    return trouble === ''
      ? { ...done, report: name }
      : { ...done, troubles: { ...one.troubles, [trouble]: 1 } }
  })
  const { owners, damaged, failed } = row.counts
  log.info('verification done', { verification: row.id, owners, damaged, failed })
  return answer('done', now)
}
