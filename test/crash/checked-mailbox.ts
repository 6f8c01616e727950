/**
 * The one mailbox of a rig: what is done in it, and what must hold of it after every kill. The
 * truth is the tenant's own state; the chain is read from the blobs alone.
 */
import assert from 'node:assert/strict'
import type { RestoreJob } from '../../sandbox/run/api-client.ts'
import { jobIs, readChain, runToEnd } from './follow.ts'
import type { Rig } from './rig.ts'

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
    await jobIs(this.rig, job, state)
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
    for (const commit of await readChain(this.rig, 'mail')) {
      for (const event of commit.events) {
        if (event.op !== 'put' || event.kind !== 'item' || event.why !== 'new') continue
        stored.set(event.item, (stored.get(event.item) ?? 0) + 1)
      }
    }
    const doubles = [...stored.values()].filter((times) => times > 1)
    assert.equal(doubles.length, 0, 'every message is in the vault once')
  }
}

function delivered(names: readonly string[]): string[] {
  return names.filter((name) => name.startsWith('Delivered')).sort()
}
