/** A mailbox as the source of a story: what happens to it, and how what is held of it is judged. */
import assert from 'node:assert/strict'
import type { PutEvent } from '../../../../src/model/events.ts'
import type { GraphId } from '../../../../src/model/ids.ts'
import type { ContentReader } from '../../../../src/vault/types.ts'
import { mailWorkload } from '../../../../src/workloads/mail/index.ts'
import type { Workload } from '../../../../src/workloads/workload.ts'
import type { Held, PointState } from '../points.ts'
import { byId, sameFolders } from '../rest.ts'
import type { Reading, Service, Source } from '../source.ts'
import { present } from '../timeline.ts'
import { escaped, meet } from '../trouble.ts'
import type { Checkpoint } from '../verdict.ts'
import { NEVER, sha256 } from '../world.ts'
import type { Expiry, Lag, MailDoing } from './doings.ts'
import { Mailbox } from './mailbox.ts'
import { faultsOf, mimeOf, type Served } from './verdict.ts'

const CONTENT_BYTES_MAX = 1024 * 1024

export class MailSource implements Source<MailDoing> {
  readonly workload = 'mail'
  readonly resource = 'user'
  readonly #service: Service
  readonly #mailbox: Mailbox
  readonly #served = new Map<string, Served>()

  private constructor(service: Service, mailbox: Mailbox) {
    this.#service = service
    this.#mailbox = mailbox
  }

  static async open(service: Service): Promise<MailSource> {
    return new MailSource(service, await Mailbox.open(service.tenant, service.now))
  }

  get graphId(): GraphId {
    return this.#mailbox.user
  }

  get #control() {
    return this.#service.tenant.control
  }

  reading({ graph, pageSize }: Reading): Workload {
    return mailWorkload({ graph, pageSize })
  }

  async happen(what: MailDoing): Promise<void> {
    switch (what.step) {
      case 'expire':
        return await this.#expire(what)
      case 'lag':
        return await this.#lag(what)
      case 'silence':
        return await this.#mailbox.silence(what.is)
      case 'corrupt':
        return await this.#corrupt(what.message)
      case 'replays':
      case 'fault':
      case 'repair':
        return await meet(this.#service, what)
      default:
        return await this.#mailbox.happen(what)
    }
  }

  async #expire({ kind, form, folder: n, untold }: Expiry): Promise<void> {
    const mailbox = this.#mailbox
    const folder = n % 3 === 0 ? {} : { folder: mailbox.place(n) }
    await this.#control.expireLinks({ user: mailbox.user, kind, form, ...folder })
    const before = mailbox.present()
    for (const what of untold) await mailbox.happen(what)
    const after = new Set(mailbox.present())
    if (before.some((id) => !after.has(id))) this.#service.notes.count('gone while links were lost')
  }

  async #lag({ folder: n, ms }: Lag): Promise<void> {
    const { notes, now } = this.#service
    notes.lag(now(), ms)
    if (n === 'all') await this.#control.settings({ deltaLagMs: ms })
    else {
      const lagMs = ms === 0 ? null : ms
      const folder = this.#mailbox.place(n)
      await this.#control.setFolderLag({ user: this.graphId, folder, lagMs })
    }
  }

  /** Until it is repaired, the content of this message answers with an error of its own. */
  async #corrupt(n: number): Promise<void> {
    const id = this.#mailbox.chosen(n)
    if (!id) return
    this.#service.notes.unreadable(id)
    const path = `/messages/${escaped(id)}/\\$value$`
    const error = { action: 'fail', status: 500, code: 'ErrorCorruptData' } as const
    await this.#control.addFault({ path, rate: 1, ...error })
  }

  /** What was told silently stays so. */
  async repair(): Promise<void> {
    await this.#control.clearFaults({})
    await this.#control.settings({ replays: 0, deltaLagMs: 0 })
    await this.#mailbox.silence(false)
    const { folders } = await this.#control.folders({ user: this.graphId })
    for (const { id } of folders) {
      await this.#control.setFolderLag({ user: this.graphId, folder: id, lagMs: null })
    }
  }

  /** Notes which version of a message the bytes of an answer are. */
  async answered(request: Request, response: Response): Promise<void> {
    const [, id] = /\/messages\/([^/]+)\/\$value$/.exec(new URL(request.url).pathname) ?? []
    if (id === undefined || response.status !== 200) return
    const message = decodeURIComponent(id) as GraphId
    // Also what was deleted can be fetched, while the owner may still have it back.
    const past = this.#mailbox.messages.get(message)?.until(this.#service.now())
    const token = past?.at(-1)?.token
    if (token === undefined) return
    // A body that is cut off was not served.
    const bytes = await response
      .clone()
      .bytes()
      .catch(() => undefined)
    if (bytes) this.#served.set(sha256(bytes), { message, token })
  }

  async faultsOf(point: Checkpoint): Promise<string[]> {
    const wasUnreadable = (id: GraphId) => this.#service.notes.wasUnreadable(id)
    return faultsOf(point, { mailbox: this.#mailbox, served: this.#served, wasUnreadable })
  }

  async isHeld(state: PointState): Promise<void> {
    const { messages, folders } = this.#mailbox
    const { held } = state
    const itemsHeld = [...held.values()].filter((version) => version.kind === 'item')
    const expected = [...present(messages)]
    const shown = (version: Held) => {
      const token = this.#served.get(mimeOf(version)?.sha256 ?? '')?.token
      return { folder: version.place.container, subject: version.display.name, token }
    }
    assert.deepEqual(
      byId(itemsHeld.map((version) => [version.item, shown(version)])),
      byId(expected.map(([id, { folder, subject, token }]) => [id, { folder, subject, token }])),
      'what is held is what the mailbox holds',
    )
    for (const [id, { isTold, isRead }] of expected) {
      if (isTold) assert.equal(held.get(id)?.display.isRead, isRead, 'and as it was read')
    }
    sameFolders(state, folders)
    await this.#isRight()
  }

  /** The plain model itself, against the tenant's own state. */
  async #isRight(): Promise<void> {
    const { messages, folders } = this.#mailbox
    const snapshot = await this.#control.snapshot({ user: this.graphId })
    const read = new Set<string>(present(folders).keys())
    const there = snapshot.messages.filter((message) => read.has(message.folderId))
    assert.deepEqual(
      byId(
        there.map(({ immutableId, folderId, subject, isRead }) => [
          immutableId as GraphId,
          { folder: folderId, subject, isRead },
        ]),
      ),
      byId(
        [...present(messages)].map(([id, { folder, subject, isRead }]) => [
          id,
          { folder, subject, isRead },
        ]),
      ),
      'the model knows the mailbox',
    )
  }

  async checkVersion(event: PutEvent, reader: ContentReader): Promise<void> {
    const mime = mimeOf(event)
    const json = event.representations.find((each) => each.name === 'json')
    assert.ok(mime && json, 'a message is held as MIME and as JSON')
    const bytes = await reader.readAll(mime, CONTENT_BYTES_MAX, NEVER)
    assert.equal(sha256(bytes), mime.sha256, 'the bytes hash right')
    const token = this.#served.get(mime.sha256)?.token
    assert.ok(token && Buffer.from(bytes).includes(token), 'the bytes are those that were sent')
    const metadata = await reader.metadata(json, NEVER)
    assert.equal(metadata.item, event.item, 'a metadata segment names its item')
  }
}
