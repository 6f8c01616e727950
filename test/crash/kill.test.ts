/**
 * P4: a crash anywhere is harmless. The worker, the host and both are killed at every point that
 * matters, each asserted to be reached; afterwards every message is in the vault once, the chain
 * verifies, and nothing was restored twice. Somebody who waits has one victim at each point, in
 * turn; continuous integration and `npm run test:crash` have all three.
 */
import { after, before, describe, test } from 'node:test'
import { TAKES_MORE } from '../level.ts'
import { CheckedMailbox } from './checked-mailbox.ts'
import type { HoldingProxy, HoldRule } from './holding-proxy.ts'
import { Rig, VICTIMS, type Victim } from './rig.ts'

interface CapturePoint {
  name: string
  proxy(rig: Rig): HoldingProxy
  rule: HoldRule
}

const CAPTURE_POINTS: readonly CapturePoint[] = [
  {
    name: 'before the pack',
    proxy: (rig) => rig.blobs,
    rule: { when: 'before', match: (r) => r.method === 'PUT' && r.url.includes('/vault/packs/') },
  },
  {
    name: 'between pack and commit',
    proxy: (rig) => rig.blobs,
    rule: { when: 'before', match: (r) => r.method === 'PUT' && r.url.includes('/commit.json') },
  },
  {
    name: 'between commit and rows',
    proxy: (rig) => rig.blobs,
    rule: { when: 'after', match: (r) => r.method === 'PUT' && r.url.includes('/commit.json') },
  },
]

const HAS_ALL = TAKES_MORE || process.env['HOLDFAST_CRASH_RUNS'] !== undefined

function victimsAt(point: number): readonly Victim[] {
  return HAS_ALL ? VICTIMS : VICTIMS.filter((_, n) => n === point % VICTIMS.length)
}

describe('P4: a crash anywhere is harmless', { timeout: 480_000 }, () => {
  let rig: Rig
  let mailbox: CheckedMailbox

  before(async () => {
    rig = await Rig.start()
    mailbox = await CheckedMailbox.open(rig)
  })
  after(async () => {
    await rig?.stop()
  })

  for (const [n, point] of CAPTURE_POINTS.entries()) {
    for (const victim of victimsAt(n)) {
      test(`${victim} killed ${point.name}`, async () => {
        await mailbox.deliver(3)
        const reached = point.proxy(rig).holdNext(point.rule)
        const run = await rig.api.startRun()
        const held = await reached
        await rig.kill(victim)
        held.drop()
        await mailbox.runToEnd(run)
        await mailbox.checkVault()
      })
    }
  }

  const EPISODE_FAULTS: Readonly<Record<Victim, string>> = {
    worker: 'worker-kill-in-episode:1@backupLane',
    host: 'host-crash-in-episode:1@backupLane',
    both: 'host-crash-in-episode:2@backupRun',
  }
  for (const victim of victimsAt(0)) {
    test(`${victim} killed in the middle of an orchestrator episode`, async () => {
      await mailbox.deliver(3)
      await rig.stopHost()
      await rig.startHost([EPISODE_FAULTS[victim]])
      const before = rig.deaths()
      const run = await rig.api.startRun()
      if (victim === 'worker') await rig.until('the worker dies', async () => rig.deaths() > before)
      else await rig.hostDied()
      await mailbox.runToEnd(run)
      await mailbox.checkVault()
    })
  }

  for (const victim of victimsAt(2)) {
    test(`${victim} killed between "created" and "recorded" of a restore`, async () => {
      const lost = (await mailbox.deliver(3)).slice(-1)
      await mailbox.backUp()
      await mailbox.lose(lost)
      const job = await mailbox.planRestore()
      await mailbox.jobIs(job, 'planned')
      const { planHash } = await rig.api.restore(job)
      const reached = rig.holdNextCreate()
      await rig.api.startRestore(job, planHash ?? '')
      const held = await reached
      await rig.kill(victim)
      await held.release()
      await mailbox.jobIs(job, 'done')
      await mailbox.checkRestored(job, lost)
    })
  }
})
