/**
 * P4: a crash anywhere is harmless. The worker, the host and both are killed at every point that
 * matters, each asserted to be reached; afterwards every message is in the vault once, the chain
 * verifies, and nothing was restored twice.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { azureBlobStore } from '../../src/adapters/azure-blob.ts'
import { localKeys } from '../../src/adapters/local-keys.ts'
import { systemClock, systemRandomness } from '../../src/adapters/system.ts'
import type { Commit } from '../../src/model/events.ts'
import { createVault } from '../../src/vault/index.ts'
import type { HoldingProxy, HoldRule } from './holding-proxy.ts'
import { Rig, VICTIMS, type Victim } from './rig.ts'

const signal = AbortSignal.timeout(480_000)

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

describe('P4: a crash anywhere is harmless', { timeout: 480_000 }, () => {
  let rig: Rig
  let user = ''
  let resource = ''
  let delivered = 0

  before(async () => {
    rig = await Rig.start()
    const found = (await rig.control.users({})).users[0]
    assert.ok(found)
    user = found.profile.userPrincipalName
    await runToEnd(await rig.api.startRun())
    resource = (await rig.api.resources())[0]?.id ?? ''
  })
  after(async () => {
    await rig?.stop()
  })

  async function deliver(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      delivered += 1
      await rig.control.deliver({
        user,
        folder: 'Inbox',
        subject: `Delivered ${delivered}`,
        body: `<p>Body ${delivered}</p>`,
        from: { name: 'Someone', address: 'someone@elsewhere.example' },
      })
    }
  }

  async function runToEnd(id: string): Promise<void> {
    await rig.until(`run ${id}`, async () => {
      // Failed orchestrations are the reconciler's; its timer would come within a minute.
      await rig.trigger('reconcile')
      const { state, owners, troubles } = await rig.api.run(id)
      assert.ok(
        state !== 'failed' && owners.failed === 0,
        `run ${id} failed: ${JSON.stringify(troubles)}`,
      )
      return state === 'done'
    })
  }

  /** Every message of the tenant is listed once, and its content comes back. */
  async function checkVault(): Promise<void> {
    const { messages } = await rig.control.snapshot({ user })
    const visible = messages.filter((m) => !m.folderPath.startsWith('Recoverable'))
    const names: string[] = []
    for (const container of await rig.api.containers(resource)) {
      for (const item of await rig.api.items(resource, container.id)) names.push(item.name)
    }
    assert.deepEqual(
      names.filter((n) => n.startsWith('Delivered')).sort(),
      visible
        .map((m) => m.subject)
        .filter((n) => n.startsWith('Delivered'))
        .sort(),
    )
    const stored = new Map<string, number>()
    for (const commit of await readChain()) {
      for (const event of commit.events) {
        if (event.op !== 'put' || event.kind !== 'item' || event.why !== 'new') continue
        stored.set(event.item, (stored.get(event.item) ?? 0) + 1)
      }
    }
    const doubles = [...stored.values()].filter((times) => times > 1)
    assert.equal(doubles.length, 0, 'every message is in the vault once')
  }

  /** The whole chain, from the blobs alone. */
  async function readChain(): Promise<Commit[]> {
    const { connectionString } = rig.azurite
    const vault = createVault({
      vault: azureBlobStore({ connectionString, container: 'vault' }),
      keys: localKeys(rig.dir.keys),
      clock: systemClock,
      random: systemRandomness,
      toolVersion: 'test',
    })
    const chain: Commit[] = []
    for await (const owner of vault.owners(signal)) {
      const stream = await vault.stream(owner, 'mail', signal)
      let previous: string | null = null
      for await (const seq of stream.seqs(signal)) {
        const commit: Commit | undefined = await stream.readCommit(seq, signal)
        assert.ok(commit, `commit ${seq} is readable`)
        assert.equal(commit.previous, previous, `commit ${seq} continues the chain`)
        previous = commit.hash
        chain.push(commit)
      }
    }
    return chain
  }

  for (const point of CAPTURE_POINTS) {
    for (const victim of VICTIMS) {
      test(`${victim} killed ${point.name}`, async () => {
        await deliver(3)
        const reached = point.proxy(rig).holdNext(point.rule)
        const run = await rig.api.startRun()
        const held = await reached
        await rig.kill(victim)
        held.drop()
        await runToEnd(run)
        await checkVault()
      })
    }
  }

  const EPISODE_FAULTS: Readonly<Record<Victim, string>> = {
    worker: 'worker-kill-in-episode:1@backupLane',
    host: 'host-crash-in-episode:1@backupLane',
    both: 'host-crash-in-episode:2@backupRun',
  }
  for (const victim of VICTIMS) {
    test(`${victim} killed in the middle of an orchestrator episode`, async () => {
      await deliver(3)
      await rig.stopHost()
      await rig.startHost([EPISODE_FAULTS[victim]])
      const before = rig.deaths()
      const run = await rig.api.startRun()
      if (victim === 'worker') await rig.until('the worker dies', async () => rig.deaths() > before)
      else await rig.hostDied()
      await runToEnd(run)
      await checkVault()
    })
  }

  for (const victim of VICTIMS) {
    test(`${victim} killed between "created" and "recorded" of a restore`, async () => {
      await deliver(3)
      await runToEnd(await rig.api.startRun())
      const then = (await rig.api.newestPoint(resource))?.time
      assert.ok(then)
      const lost = `Delivered ${delivered}`
      const id = (await rig.control.snapshot({ user })).messages.find((m) => m.subject === lost)
      assert.ok(id)
      await rig.control.delete({ user, message: id.immutableId, mode: 'hard' })
      const job = await rig.api.planRestore({
        resource,
        at: then,
        selection: { all: true },
        destination: { kind: 'original' },
        conflict: 'skip',
      })
      await rig.until('the plan', async () => (await rig.api.restore(job)).state === 'planned')
      const { planHash } = await rig.api.restore(job)
      const reached = rig.holdNextCreate()
      await rig.api.startRestore(job, planHash ?? '')
      const held = await reached
      await rig.kill(victim)
      await held.release()
      await rig.until('the restore', async () => {
        await rig.trigger('reconcile')
        return (await rig.api.restore(job)).state === 'done'
      })
      const { messages } = await rig.control.snapshot({ user })
      const back = messages.filter((m) => m.subject === lost)
      assert.equal(back.length, 1, 'restored once, and only once')
      const lines = await rig.api.restoreLines(job)
      const line = lines.find((l) => l.name === lost)
      assert.equal(line?.outcome, 'restored')
      assert.equal(line?.check, 'verified', JSON.stringify(line))
    })
  }
})
