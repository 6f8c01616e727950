/**
 * P4, for what a Durable backend does to orchestrations without anybody dying: messages come twice,
 * late and in another order, activities run twice, answers and statuses lag. A backup and a restore
 * end as they do on good days: every message is in the vault once, and nothing is restored twice.
 */
import { after, before, describe, test } from 'node:test'
import { UNLESS_MORE } from '../level.ts'
import { CheckedMailbox } from './checked-mailbox.ts'
import { Rig } from './rig.ts'

/** Switches of sandbox/host; each row is one host. */
const FAULTS: Readonly<Record<string, readonly string[]>> = {
  'messages and activities come in an order of chance': ['shuffle:1'],
  'messages come in another order of chance, and each answer late': ['shuffle:2', 'slow-rpc:150'],
  'activities run twice': ['duplicate-activity:1', 'duplicate-activity:3', 'duplicate-activity:5'],
  'answers of activities are delivered twice': [1, 2, 4, 7].map((n) => `duplicate-completion:${n}`),
  'an answer of an activity is late': ['late-completion:2=2500', 'late-completion:4=1500'],
  'the worker dies amid activities': ['worker-kill-in-activity:2', 'worker-kill-in-activity:5'],
  'the status lags, and instances begin late': ['status-lag:1500', 'start-delay:700'],
}

describe('P4: a backend on bad days', { ...UNLESS_MORE, timeout: 480_000 }, () => {
  let rig: Rig
  let mailbox: CheckedMailbox

  before(async () => {
    rig = await Rig.start()
    mailbox = await CheckedMailbox.open(rig)
  })
  after(async () => {
    await rig?.stop()
  })

  for (const [name, faults] of Object.entries(FAULTS)) {
    test(name, async () => {
      const all = await mailbox.deliver(4)
      await rig.stopHost()
      await rig.startHost(faults)
      await mailbox.runToEnd(await rig.api.startRun())
      await mailbox.checkVault()
      const lost = all.slice(-2)
      await mailbox.lose(lost)
      const job = await mailbox.planRestore()
      await mailbox.jobIs(job, 'planned')
      const { planHash } = await rig.api.restore(job)
      await rig.api.startRestore(job, planHash ?? '')
      await mailbox.jobIs(job, 'done')
      await mailbox.checkRestored(job, lost)
      // What left is told deleted by the second round that does not find it.
      for (let round = 0; round < 2; round += 1) await mailbox.backUp()
      await mailbox.checkVault()
    })
  }
})
