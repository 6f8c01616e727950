/** The golden mailbox: what happens in it, and what must be readable then. */
import { ScriptedMailbox } from '../../src/capture/testing/scripted-mailbox.ts'
import { CONTAINERS } from '../../src/model/events.ts'
import type { GraphId } from '../../src/model/ids.ts'
import type { Change, Workload } from '../../src/workloads/workload.ts'
import { jsonHash, sha256 } from './expected.ts'
import { goldenWorld, type Story, type Truth } from './golden-world.ts'

const DAY_MS = 86_400_000
const id = (text: string) => text as GraphId
const [INBOX, ARCHIVE, SYNC, OLD] = [id('inbox'), id('archive'), id('sync issues'), id('old')]
const ATTACHMENTS = new Map([
  ['m2', '[{"name":"offer.pdf","size":12}]'],
  ['m3', '[{"name":"äöü.txt","size":3},{"name":"second.txt","size":4}]'],
])

const mimeOf = (subject: string, text: string) =>
  `From: ada@example.com\r\nTo: grace@example.com\r\nSubject: ${subject}\r\n\r\n${text}\r\n`

/** Hex digits in which no compression finds anything to repeat. */
const noise = (lines: number) => Array.from({ length: lines }, (_, n) => sha256(`${n}`))
/** Longer than a pack of this vault. */
const LONG = mimeOf('numbers', noise(600).join('\r\n'))
/** So long is the event of `WIDE` that parts and indexes do not fit into its commit.json. */
const WIDE = id('wide')
const WIDE_MARKER = noise(6500).join('')

/** `vaults`: as for writeGolden. */
export async function writeMailbox(name: string, vaults?: string): Promise<void> {
  const box = new ScriptedMailbox()
  const world = await goldenWorld(storyOf(name, box))
  box.createContainer(INBOX, 'Inbox')
  box.createContainer(ARCHIVE, 'Archive')
  box.createContainer(SYNC, 'Sync Issues')
  box.createContainer(OLD, 'Old things')
  box.excluded.add(SYNC)
  for (const n of [1, 2, 3, 4, 5, 6]) {
    box.put(id(`m${n}`), { container: INBOX, content: mimeOf(`${n}`, `Message ${n}. Grüße 😀`) })
  }
  box.put(id('empty'), { container: ARCHIVE, content: '' })
  box.put(id('long'), { container: ARCHIVE, content: LONG })
  box.put(id('in old'), { container: OLD, content: mimeOf('old', 'in a folder that goes') })
  box.corrupt.add(id('m5'))
  await world.round()
  await world.point('the first copy, which a base restates; m5 cannot be read')

  world.advance(DAY_MS)
  box.put(id('m1'), { container: ARCHIVE })
  box.put(id('m2'), { container: INBOX, flags: 'flagged' })
  box.put(id('m3'), { container: INBOX, content: mimeOf('3', 'Message 3, edited.') })
  world.leaves('m4')
  box.remove(id('m4'))
  box.put(id('m7'), { container: INBOX, content: mimeOf('7', 'Message 7, new.') })
  box.renameContainer(ARCHIVE, 'Archive 2025')
  await world.round()
  await world.point('m1 moved, m2 flagged, m3 edited, m7 new, Archive renamed; m4 has left')

  world.advance(DAY_MS)
  await world.spoilNextCommit()
  box.put(id('m8'), { container: INBOX, content: mimeOf('8', 'Message 8.') })
  await world.round()
  world.leftIsDeleted()
  await world.point('a void commit was passed; m4 is deleted, m8 is new')

  world.advance(DAY_MS)
  box.corrupt.delete(id('m5'))
  box.put(id('m5'), { container: INBOX, flags: 'readable now' })
  box.corrupt.add(id('m9'))
  box.put(id('m9'), { container: ARCHIVE, content: 'never read' })
  box.put(id('m1'), { container: INBOX, flags: 'read' })
  world.leaves('in old', 'old')
  box.deleteContainer(OLD)
  await world.round()
  await world.point('m5 is read, m9 cannot be, m1 is back; a folder has left with its message')
  await settle(world)
  world.leftIsDeleted()
  await world.point('they are deleted')

  world.advance(31 * DAY_MS)
  box.put(id('m10'), { container: ARCHIVE, content: mimeOf('10', 'A month later.') })
  await world.round()
  await world.point('m10 is new, and a second base')

  world.advance(DAY_MS)
  box.put(id('m11'), { container: INBOX, content: mimeOf('11', 'After the base.') })
  world.leaves('m6')
  box.remove(id('m6'))
  await world.round()
  await world.point('m11 is new, m6 has left')

  world.advance(DAY_MS)
  box.remove(id('m9'))
  box.put(WIDE, { container: INBOX, content: mimeOf('wide', 'A commit of several blobs.') })
  await world.round()
  world.leftIsDeleted()
  await world.point('m6 is deleted, m9 went unread; parts and indexes of this commit are blobs')
  world.write(vaults)
}

/** Whole rounds, until what left has been gone for long enough. */
async function settle(world: Awaited<ReturnType<typeof goldenWorld>>): Promise<void> {
  for (let n = 0; n < 2; n += 1) {
    world.advance(DAY_MS / 2)
    await world.round()
  }
}

function storyOf(name: string, box: ScriptedMailbox): Story {
  return {
    name,
    owner: {
      id: '60add0a110c0ffee60add0a110c0ffee',
      ...{ graphId: 'user-1', kind: 'user', name: 'Ada Lovelace' },
    },
    workload: 'mail',
    recipients: 1,
    settings: { commitEvents: 4, shardItems: 4, packBytes: 32 * 1024 },
    service: { workload: (clock) => withMore(box.workload(clock)) },
    truth: () => truthOf(box),
    ledger: () => ledgerOf(box),
  }
}

function ledgerOf(box: ScriptedMailbox): Record<string, string> {
  const unread = [...box.corrupt].filter((item) => box.items.has(item))
  return Object.fromEntries(unread.map((item) => [item, 'corrupt']))
}

function truthOf(box: ScriptedMailbox): Truth {
  const truth: Truth = {}
  for (const [container, name] of box.containers) {
    const json = jsonHash({ id: container, displayName: name })
    truth[container] = { kind: 'container', container: CONTAINERS, name, representations: { json } }
  }
  for (const [item, { container, content, flags }] of box.items) {
    if (box.corrupt.has(item)) continue
    const attachments = ATTACHMENTS.get(item)
    const representations = {
      json: jsonHash({ id: item, flags }),
      mime: sha256(content),
      ...(attachments !== undefined && { attachments: sha256(attachments) }),
    }
    truth[item] = { kind: 'item', container, name: `subject of ${item}`, representations }
  }
  return truth
}

/** The scripted mailbox knows MIME only, and short markers. */
function withMore(workload: Workload): Workload {
  return {
    ...workload,
    reader(...args) {
      const reader = workload.reader(...args)
      return {
        ...reader,
        async changes(...call) {
          const page = await reader.changes(...call)
          return { ...page, changes: page.changes.map(widened) }
        },
        async content(item, ...rest) {
          const outcome = await reader.content(item, ...rest)
          const attachments = ATTACHMENTS.get(item.id)
          if (outcome.outcome !== 'content' || attachments === undefined) return outcome
          const part = { name: 'attachments' as const, bytes: bytesOf(attachments) }
          return { ...outcome, parts: [...outcome.parts, part] }
        },
      }
    },
  }
}

function widened(change: Change): Change {
  if (change.op !== 'present' || change.id !== WIDE) return change
  return { ...change, marker: { ...change.marker, change: WIDE_MARKER } }
}

async function* bytesOf(text: string): AsyncIterable<Uint8Array> {
  yield new TextEncoder().encode(text)
}
