/** Mail in the simulated tenant, for the workload contract. */
import assert from 'node:assert/strict'
import {
  BACKUP_CLIENT_ID,
  createControlClient,
  type MessageSnapshot,
  RESTORE_CLIENT_ID,
  startTenant,
} from '../../../sandbox/tenant/index.ts'
import type { GraphId } from '../../../src/model/ids.ts'
import { mailWorkload } from '../../../src/workloads/mail/index.ts'
import { graphAs } from '../tenant-graph.ts'
import type { WorkloadScene } from './scene.ts'

const MESSAGES = 30
const PAGE_SIZE = 20
/** Folders whose mail is shown to nobody. */
const NOT_READ = /^(Recoverable|Sync Issues|Deletions|Purges|Versions)/

export async function mailScene(): Promise<WorkloadScene> {
  const tenant = await startTenant({
    seed: { seed: 7, users: 2, messages: MESSAGES },
    // As long as one POST can bring every message back.
    settings: { latencyMs: 0, mailAdvanced: true, deltaNoise: false },
  })
  const control = createControlClient(tenant.controlUrl)
  const [source, other] = (await control.users({})).users.filter(({ mailbox }) => mailbox)
  assert.ok(source && other)
  const user = source.id
  const { messages: first } = await control.snapshot({ user })
  const [folderId] = first.map((message) => message.folderId)
  assert.ok(folderId)
  let added = 0
  let asked = 0

  const read = async (of: string) =>
    (await control.snapshot({ user: of })).messages.filter((m) => !NOT_READ.test(m.folderPath))

  async function addFault(fault: Parameters<typeof control.addFault>[0]) {
    await control.addFault(fault)
    return async () => {
      await control.clearFaults({})
    }
  }

  const scene: WorkloadScene = {
    kind: 'user',
    source: user as GraphId,
    other: other.id as GraphId,
    reading: mailWorkload({
      graph: await graphAs(BACKUP_CLIENT_ID, { tenant, control }),
      pageSize: PAGE_SIZE,
    }),
    writing: mailWorkload({
      graph: await graphAs(RESTORE_CLIENT_ID, { tenant, control }),
      pageSize: PAGE_SIZE,
    }),
    async members(owner) {
      const folders = Map.groupBy(await read(owner), (message) => message.folderId)
      return new Map(
        [...folders].map(([folder, all]) => [folder, all.map((m) => m.immutableId).sort()]),
      )
    },
    contents: async (owner) => (await read(owner)).map(textOf).sort(),
    async add() {
      added += 1
      const subject = `Added ${added}`
      return (await control.deliver({ user, subject, body: `<p>${subject}</p>` })).id
    },
    async edit(message) {
      await control.edit({ user, message, body: `<p>Edited ${message.slice(-8)}</p>` })
    },
    async move(message) {
      await control.move({ user, message, folder: 'archive' })
    },
    async remove(message) {
      await control.delete({ user, message, mode: 'hard' })
    },
    async loseLinks() {
      await control.expireLinks({ user })
    },
    throttle: (every) =>
      addFault({ path: '/v1.0/users/', action: 'throttled-fraction', rate: 1 / every }),
    spoil: (id) =>
      addFault({
        path: `/messages/${escaped(id)}/\\$value$`,
        ...{ action: 'fail', rate: 1, status: 500, code: 'ErrorCorruptData' },
      }),
    async contentRequests() {
      const { requests } = await control.counts({})
      const total = requests['messages.value'] ?? 0
      const since = total - asked
      asked = total
      return since
    },
    close: () => tenant.stop(),
  }
  return scene
}

/** What a faithful copy has in common with its original. */
function textOf(message: MessageSnapshot): string {
  const { subject, bodySha256, isRead, flag, categories, folderPath } = message
  const people = [[message.from], message.to, message.cc].map((list) =>
    list.map((person) => person && [person.name, person.address]),
  )
  const dates = [message.receivedMs, message.sentMs].map((ms) => Math.floor(ms / 1000))
  const attachments = message.attachments.map(({ sha256 }) => sha256).sort()
  // Of two folders of one name a restore tells the second one apart.
  const folder = folderPath
    .split('/')
    .at(-1)
    ?.replace(/ \(\d+\)$/, '')
  const flagged = flag?.flagStatus
  return JSON.stringify([
    subject,
    people,
    bodySha256,
    isRead,
    flagged,
    categories,
    dates,
    attachments,
    folder,
  ])
}

function escaped(text: string): string {
  return text.replaceAll(/[^\w-]/g, '\\$&')
}
