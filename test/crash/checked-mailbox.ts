/**
 * The one mailbox of a rig: what is done in it, and what must hold of it after every kill. The
 * truth is the tenant's own state; the chain is read from the blobs alone.
 */
import assert from 'node:assert/strict'
import type { RestoreJob } from '../../sandbox/run/api-client.ts'
import { azureBlobStore } from '../../src/adapters/azure-blob.ts'
import { localKeys } from '../../src/adapters/local-keys.ts'
import { systemClock, systemRandomness } from '../../src/adapters/system.ts'
import type { Commit } from '../../src/model/events.ts'
import { createVault } from '../../src/vault/index.ts'
import type { Rig } from './rig.ts'

const CHECK_MS = 60_000

export class CheckedMailbox {
  readonly rig: Rig
  readonly user: string
  readonly resource: string
  #delivered = 0

  private constructor(rig: Rig, user: string, resource: string) {
    this.rig = rig
    this.user = user
    this.resource = resource
  }

  /** With its first backup. */
  static async open(rig: Rig): Promise<CheckedMailbox> {
    const found = (await rig.control.users({})).users[0]
    assert.ok(found)
    await runToEnd(rig, await rig.api.startRun())
    const resource = (await rig.api.resources())[0]?.id ?? ''
    return new CheckedMailbox(rig, found.profile.userPrincipalName, resource)
  }

  /** Subjects of the new messages. */
  async deliver(count: number): Promise<string[]> {
    const subjects: string[] = []
    for (let n = 0; n < count; n += 1) {
      this.#delivered += 1
      const subject = `Delivered ${this.#delivered}`
      await this.rig.control.deliver({
        user: this.user,
        folder: 'Inbox',
        subject,
        body: `<p>Body ${this.#delivered}</p>`,
        from: { name: 'Someone', address: 'someone@elsewhere.example' },
      })
      subjects.push(subject)
    }
    return subjects
  }

  async backUp(): Promise<void> {
    await this.runToEnd(await this.rig.api.startRun())
  }

  async runToEnd(id: string): Promise<void> {
    await runToEnd(this.rig, id)
  }

  /** Takes these messages away for good. */
  async lose(subjects: readonly string[]): Promise<void> {
    const { messages } = await this.rig.control.snapshot({ user: this.user })
    for (const { immutableId: message } of messages.filter((m) => subjects.includes(m.subject))) {
      await this.rig.control.delete({ user: this.user, message, mode: 'hard' })
    }
  }

  /** Plans a restore of the whole mailbox to its place, as of the newest complete point. */
  async planRestore(): Promise<string> {
    const at = (await this.rig.api.newestPoint(this.resource))?.time
    assert.ok(at)
    return await this.rig.api.planRestore({
      resource: this.resource,
      at,
      selection: { all: true },
      destination: { kind: 'original' },
      conflict: 'skip',
    })
  }

  /** Until the job has this state; what was lost with a worker is started again. */
  async jobIs(job: string, state: RestoreJob['state']): Promise<void> {
    await this.rig.until(`the restore is ${state}`, async () => {
      await this.rig.trigger('reconcile')
      const now = await this.rig.api.restore(job)
      assert.notEqual(now.state, 'failed', `the restore failed: ${now.trouble}`)
      return now.state === state
    })
  }

  /** Each of these is in the mailbox once, and the report says that it was restored and checked. */
  async checkRestored(job: string, subjects: readonly string[]): Promise<void> {
    const { messages } = await this.rig.control.snapshot({ user: this.user })
    const lines = await this.rig.api.restoreLines(job)
    for (const subject of subjects) {
      const back = messages.filter((m) => m.subject === subject)
      assert.equal(back.length, 1, `"${subject}" is restored once, and only once`)
      const line = lines.find((l) => l.name === subject)
      assert.equal(line?.outcome, 'restored')
      assert.equal(line?.check, 'verified', JSON.stringify(line))
    }
  }

  /** Every message of the tenant is listed once, and is in an unbroken chain once. */
  async checkVault(): Promise<void> {
    const { messages } = await this.rig.control.snapshot({ user: this.user })
    const visible = messages.filter((m) => !m.folderPath.startsWith('Recoverable'))
    const names: string[] = []
    for (const container of await this.rig.api.containers(this.resource)) {
      for (const item of await this.rig.api.items(this.resource, container.id)) {
        names.push(item.name)
      }
    }
    assert.deepEqual(delivered(names), delivered(visible.map((m) => m.subject)))
    const stored = new Map<string, number>()
    for (const commit of await this.#readChain()) {
      for (const event of commit.events) {
        if (event.op !== 'put' || event.kind !== 'item' || event.why !== 'new') continue
        stored.set(event.item, (stored.get(event.item) ?? 0) + 1)
      }
    }
    const doubles = [...stored.values()].filter((times) => times > 1)
    assert.equal(doubles.length, 0, 'every message is in the vault once')
  }

  async #readChain(): Promise<Commit[]> {
    const signal = AbortSignal.timeout(CHECK_MS)
    const { connectionString } = this.rig.azurite
    const vault = createVault({
      vault: azureBlobStore({ connectionString, container: 'vault' }),
      keys: localKeys(this.rig.dir.keys),
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
}

function delivered(names: readonly string[]): string[] {
  return names.filter((name) => name.startsWith('Delivered')).sort()
}

async function runToEnd(rig: Rig, id: string): Promise<void> {
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
