/**
 * P4: a crash anywhere is harmless. Worker, host or both are killed at random moments of backups and
 * restores: a moment is the n-th call of the app at one of its doors (blobs, tables, Graph), held
 * there before or after its effect, so nothing here depends on time.
 *
 * The test prints its seed; HOLDFAST_CRASH_SEED=n plays another. A test run has a few kills, because
 * each costs the life of a lease; HOLDFAST_CRASH_RUNS (npm run test:crash) has thirty.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { SeededRandom } from '../../sandbox/storage/index.ts'
import { UNLESS_MORE } from '../level.ts'
import { CheckedMailbox } from './checked-mailbox.ts'
import { DOORS, type Moment, Rig, VICTIMS, type Victim } from './rig.ts'

const IS_LONG = process.env['HOLDFAST_CRASH_RUNS'] !== undefined
const KILLS = IS_LONG ? 30 : 4
const SEED = Number(process.env['HOLDFAST_CRASH_SEED'] ?? 1)
/** Calls of a small backup or restore at each door, about; a kill beyond the last comes after it. */
const CALLS: Readonly<Record<Moment['door'], number>> = { blobs: 14, tables: 50, graph: 30 }
const MESSAGES = 3

interface Kill {
  n: number
  during: 'backup' | 'restore'
  victim: Victim
  moment: Moment
}

function killsOf(seed: number): Kill[] {
  const random = new SeededRandom(seed)
  return Array.from({ length: KILLS }, (_, n) => {
    const door = random.pick(DOORS) ?? 'blobs'
    const nth = 1 + random.below(CALLS[door])
    const when = random.chance(0.5) ? 'before' : 'after'
    const victim = random.pick(VICTIMS) ?? 'both'
    return {
      n: n + 1,
      during: n % 2 === 0 ? 'backup' : 'restore',
      victim,
      moment: { door, nth, when },
    }
  })
}

describe('P4: kills at random moments', {
  ...UNLESS_MORE,
  timeout: IS_LONG ? 2_400_000 : 420_000,
}, () => {
  let rig: Rig
  let mailbox: CheckedMailbox
  let met = 0

  before(async () => {
    rig = await Rig.start()
    mailbox = await CheckedMailbox.open(rig)
  })
  after(async () => {
    await rig?.stop()
  })

  /** Kills at the moment, or right after the work where the moment does not come. */
  async function killAt({ victim, moment }: Kill, isOver: () => Promise<boolean>): Promise<void> {
    const watch = await rig.watch(moment)
    let over = false
    // Beside the wait: the call that is held may be one of the question's own.
    const asking = rig.until('the end', async () => {
      over = watch.reached() || (await isOver())
      return over
    })
    await rig.until('the moment', async () => watch.reached() || over)
    if (watch.reached()) met += 1
    await rig.kill(victim)
    await watch.end()
    await asking
  }

  async function killBackup(kill: Kill): Promise<void> {
    await mailbox.deliver(MESSAGES)
    const run = await rig.api.startRun()
    await killAt(kill, async () => (await rig.api.run(run)).state === 'done')
    await mailbox.runToEnd(run)
    await mailbox.checkVault()
  }

  async function killRestore(kill: Kill): Promise<void> {
    const lost = await mailbox.deliver(MESSAGES)
    await mailbox.backUp()
    await mailbox.lose(lost)
    const job = await mailbox.planRestore()
    await mailbox.jobIs(job, 'planned')
    const { planHash } = await rig.api.restore(job)
    await rig.api.startRestore(job, planHash ?? '')
    await killAt(kill, async () => (await rig.api.restore(job)).state === 'done')
    await mailbox.jobIs(job, 'done')
    await mailbox.checkRestored(job, lost)
    await mailbox.backUp()
    await mailbox.backUp()
    await mailbox.checkVault()
  }

  for (const kill of killsOf(SEED)) {
    const { door, nth, when } = kill.moment
    test(`seed ${SEED}, kill ${kill.n}: ${kill.victim} in a ${kill.during}, ${when} call ${nth} of ${door}`, async () => {
      if (kill.during === 'backup') await killBackup(kill)
      else await killRestore(kill)
    })
  }

  test('half of the moments were met at least', () => {
    assert.ok(met * 2 >= KILLS, `${met} of ${KILLS}`)
  })
})
