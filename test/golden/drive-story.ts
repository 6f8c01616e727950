/** The golden library: what happens in it, and what must be readable then. */
import { ScriptedDrive } from '../../src/capture/testing/scripted-drive.ts'
import { CONTAINERS } from '../../src/model/events.ts'
import type { GraphId } from '../../src/model/ids.ts'
import { type ExpectedItem, jsonHash, sha256 } from './expected.ts'
import { goldenWorld, type Story, type Truth } from './golden-world.ts'

const DAY_MS = 86_400_000
const PIECE_BYTES = 64
/** More pieces than one list names (256), and some. */
const PIECES = 300
const id = (text: string) => text as GraphId
const DRIVE = id('d')
const [PLANS, OLD, LONG] = [id('d/plans'), id('d/old'), id('d/long')]

/** Every piece is another text. */
const longText = (letter: string) =>
  Array.from({ length: PIECES }, (_, n) => `${letter}${n}`.padStart(PIECE_BYTES, '.')).join('')

/** `vaults`: as for writeGolden. */
export async function writeDrive(name: string, vaults?: string): Promise<void> {
  const box = new ScriptedDrive()
  let isHalfRead = false
  box.earlierVersions = 2
  box.longFrom = PIECE_BYTES * PIECES
  const world = await goldenWorld(storyOf(name, box, () => isHalfRead))
  box.createDrive(DRIVE)
  box.put(PLANS, { name: 'Pläne', sharing: '{"value":[{"roles":["read"]}]}' })
  box.put(OLD, { parent: PLANS, name: 'old' })
  for (const content of ['one', 'two', 'three', 'four']) {
    box.put(id('d/report'), { parent: PLANS, name: 'report.txt', content })
  }
  box.put(id('d/shared'), {
    ...{ parent: PLANS, name: 'shared.txt', content: 'for some' },
    sharing: '{"value":[{"roles":["write"]}]}',
  })
  box.put(id('d/odd'), { parent: OLD, name: 'odd.bin', content: 'odd: the hash does not fit' })
  box.put(id('d/empty'), { parent: DRIVE, name: 'empty', content: '' })
  box.put(id('d/broken'), { parent: DRIVE, name: 'broken', content: 'never read' })
  box.corrupt.add(id('d/broken'))
  await world.round()
  await world.point('the first copy: permissions, two earlier versions, one file that is corrupt')

  world.advance(DAY_MS)
  box.put(PLANS, { name: 'Plans 2026' })
  box.put(OLD, { parent: DRIVE })
  box.put(id('d/shared'), { sharing: '{"value":[]}' })
  box.put(id('d/report'), { content: 'five' })
  box.put(LONG, { parent: PLANS, name: 'long.bin', content: longText('a') })
  while ((await world.bytesOf(LONG)) < (PIECE_BYTES * PIECES) / 2) await world.slice(40)
  isHalfRead = true
  await world.point('a folder renamed, one moved, other permissions; a long file is half read')
  await world.round()
  isHalfRead = false
  await world.point('the long file is whole')

  world.advance(DAY_MS)
  await world.spoilNextCommit()
  world.leaves('d/old', 'd/odd')
  box.remove(OLD)
  box.put(LONG, { name: 'long and renamed.bin' })
  await world.round()
  await world.point('a void commit was passed, a folder has left with its file')
  for (let n = 0; n < 2; n += 1) {
    world.advance(DAY_MS / 2)
    await world.round()
  }
  world.leftIsDeleted()
  box.put(id('d/empty'), { content: 'empty no more' })
  await world.round()
  await world.point('they are deleted; an empty file is not empty any more')

  world.advance(31 * DAY_MS)
  box.put(id('d/last'), { parent: PLANS, name: 'last.txt', content: 'a month later' })
  await world.round()
  await world.point('a second base, which restates the long file too')
  world.write(vaults)
}

function storyOf(name: string, box: ScriptedDrive, isHalfRead: () => boolean): Story {
  return {
    name,
    owner: {
      id: 'd21fe0a110c0ffee0000d21fe0a11000',
      ...{ graphId: 'site-1', kind: 'site', name: 'Babbage works' },
    },
    workload: 'drive',
    recipients: 2,
    settings: { pieceBytes: PIECE_BYTES, packBytes: 64 * PIECE_BYTES, commitEvents: 100 },
    service: { workload: (clock) => box.workload(clock) },
    truth() {
      const truth = truthOf(box)
      if (isHalfRead()) delete truth[LONG]
      return truth
    },
    ledger: () => ({ 'd/broken': 'corrupt', ...(isHalfRead() && { [LONG]: 'in-progress' }) }),
  }
}

function truthOf(box: ScriptedDrive): Truth {
  const truth: Truth = {}
  for (const [drive, name] of box.drives) {
    const representations = { json: jsonHash({ id: drive, name }) }
    truth[drive] = { kind: 'container', container: CONTAINERS, name, representations }
  }
  for (const [item, { name, parent, content, sharing }] of box.nodes) {
    if (box.corrupt.has(item)) continue
    const isFolder = content === undefined
    truth[item] = {
      kind: isFolder ? 'container' : 'item',
      container: isFolder ? CONTAINERS : parent,
      name,
      representations: {
        json: jsonHash({ id: item, name, parent }),
        ...(!isFolder && { content: sha256(content) }),
        ...(sharing !== undefined && { permissions: sha256(sharing) }),
      },
    }
  }
  return { ...truth, ...EARLIER }
}

/** Of the first copy: the two versions before the one that was the newest then. */
const EARLIER: Truth = { 'd/report@2': versionOf(2, 'two'), 'd/report@3': versionOf(3, 'three') }

function versionOf(n: number, content: string): ExpectedItem {
  const representations = { json: jsonHash({ content }), content: sha256(content) }
  return { kind: 'item', container: 'd/report@', name: `version ${n}`, representations }
}
