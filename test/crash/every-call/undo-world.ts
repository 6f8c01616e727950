/**
 * The undo of a restore into a mailbox in which people went on working, over the simulator.
 *
 * Of what the restore made, one item could not be read back, one was edited before the undo is
 * asked for, and one is edited while it runs; somebody put a mail of their own into a folder. The
 * service loses answers by a script that is the same in every run.
 */
import assert from 'node:assert/strict'
import type { GraphId } from '../../../src/model/ids.ts'
import {
  change,
  type ScriptedMailbox,
  scriptedMailbox,
  type TargetMail,
} from '../../../src/restore/testing/scripted-mailbox.ts'
import { type CaptureWorld, NEVER } from './capture-world.ts'
import {
  drive,
  type RestoreStage,
  restoreOf,
  restoreStage,
  scriptedTarget,
} from './restore-world.ts'

const EDITED = 'edited by somebody'
const OWN = 'own' as GraphId
const LINES_MAX = 100

/** A restore that has ended, and an undo of it that has no plan yet. */
export async function undoStage(world: CaptureWorld): Promise<RestoreStage> {
  const { job } = await restoreStage(world)
  const made = scriptedTarget(world)
  made.check = (id) =>
    id === made.mails[0]?.id
      ? { outcome: 'could-not-check', code: 'AccessDenied' }
      : { outcome: 'verified' }
  const process = world.storage.process('restorer')
  const restore = restoreOf(world, process, made)
  await drive(world, restore, job)
  const { id } = await restore.undo(job, 'operator', NEVER)
  const [before, meanwhile] = lastTwo(made)
  change(before, { text: EDITED })
  made.mails.push({ ...before, id: OWN, identity: '<own>', mark: '' })
  return {
    world,
    job: id,
    target: (fork) => asLeft(fork, made, meanwhile.id),
    check: (fork, undo, target) => checkUndone(fork, undo, { made, target }),
  }
}

/** In the order of the plan, so that the second one is removed last. */
function lastTwo({ mails }: ScriptedMailbox): [TargetMail, TargetMail] {
  const [before, meanwhile] = mails.slice(-2)
  assert.ok(before && meanwhile)
  return [before, meanwhile]
}

/** A copy of the mailbox, for a run of its own. */
function asLeft({ storage }: CaptureWorld, made: ScriptedMailbox, meanwhile: GraphId) {
  const target = scriptedMailbox(storage.clock, structuredClone(made.folders))
  target.mails.push(...structuredClone(made.mails))
  target.removals.push('ok', 'applied-down', 'down')
  target.onRemove = () => {
    const mail = target.mails.find(({ id }) => id === meanwhile)
    if (mail?.text !== EDITED) change(mail, { text: EDITED })
    return Promise.resolve()
  }
  return target
}

/** What nobody touched is gone, what somebody touched is there, and the report says which. */
async function checkUndone(
  world: CaptureWorld,
  job: string,
  { made, target }: { made: ScriptedMailbox; target: ScriptedMailbox },
): Promise<void> {
  const restore = restoreOf(world, world.storage.process('visitor'), target)
  const report = await restore.report(job, { max: LINES_MAX }, NEVER)
  assert.equal(report.state, 'done')
  const kept = target.mails.map(({ id, text }) => [id, text])
  const [before, meanwhile] = made.mails.slice(-3)
  const expected = [before?.id, meanwhile?.id, OWN].map((id) => [id, EDITED])
  assert.deepEqual(kept, expected, 'what somebody touched is there, and nothing else')
  const { removed, left, gone, refused, unknown, pending } = report.counts
  const restored = made.mails.length - 1
  assert.deepEqual([removed, left], [restored - 2, 2], 'each item of the restore is told')
  assert.deepEqual([gone, refused, unknown, pending], [0, 0, 0, 0])
  const full = new Set(target.mails.map(({ container }) => container))
  assert.deepEqual(new Set(target.folders.map(({ id }) => id)), full, 'empty folders are gone')
  const folders = report.lines.filter(({ kind }) => kind === 'folder')
  assert.equal(folders.length, made.folders.length)
  assert.equal(new Set(target.removed).size, target.removed.length, 'nothing is removed twice')
}
