/**
 * Content that takes many slices: it is named in the ledger from the start, goes on where it was,
 * and becomes a version only if it was the same content all the time (docs/decisions/016).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../model/errors.ts'
import type { LedgerEvent } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { REBUILD_START, rebuildStream } from '../vault/index.ts'
import type { SliceSettings } from './index.ts'
import { POISON_ATTEMPTS } from './suspects.ts'
import { commitsOf } from './testing/commits.ts'
import { type DriveWorld, heldTree, treeOf } from './testing/drive-truth.ts'
import { ScriptedDrive } from './testing/scripted-drive.ts'
import { addUp } from './testing/truth.ts'
import { captureWorld } from './testing/world.ts'

const id = (text: string) => text as GraphId
const [DRIVE, LONG, SMALL] = [id('d'), id('d/long'), id('d/small')]
const PIECE = 10
const HOUR_MS = 3_600_000

/** Every piece is another text. */
const longText = (pieces: number, letter = 'a') =>
  Array.from({ length: pieces }, (_, n) => `${letter}${String(n).padStart(PIECE - 1, '.')}`).join(
    '',
  )

function drive(pieces = 40): ScriptedDrive {
  const box = new ScriptedDrive()
  box.createDrive(DRIVE)
  box.longFrom = 50
  box.put(LONG, { content: longText(pieces) })
  box.put(SMALL, { content: 'small' })
  return box
}

/** A pack is full after so many pieces. */
async function worldOf(
  box: ScriptedDrive,
  { pieces = 4, ...options }: { pieces?: number } & Partial<SliceSettings> = {},
): Promise<DriveWorld> {
  const packBytes = pieces * PIECE
  return await captureWorld(box, { pieceBytes: PIECE, packBytes, ...options })
}

async function entryOf(world: DriveWorld, item = LONG): Promise<LedgerEvent | undefined> {
  for await (const { event } of world.tables.open(world.signal)) {
    if (event.op === 'ledger' && event.item === item) return event
  }
  return undefined
}

const reached = async (world: DriveWorld) => (await entryOf(world))?.progress?.position.offset ?? 0

async function isAsTheDrive(world: DriveWorld): Promise<void> {
  assert.deepEqual(await heldTree(world), treeOf(world.box))
}

const broken = () =>
  new AppError({ code: 'ContentBroken', kind: 'transient', message: 'the connection broke' })

test('P1, P3: a file that takes many slices is in the ledger at once, and whole in the end', async () => {
  const world = await worldOf(drive())
  const first = await world.slice(12)
  assert.equal(first.state, 'more')
  const entry = await entryOf(world)
  assert.deepEqual([entry?.reason, entry?.code], ['in-progress', 'InProgress'])
  assert.deepEqual(Object.keys(await heldTree(world)).length, 2, 'the rest is held already')
  let slices = 1
  for (let before = await reached(world); (await entryOf(world)) !== undefined; slices += 1) {
    const result = await world.slice(12)
    addUp(result.counts)
    const now = await reached(world)
    if ((await entryOf(world)) !== undefined) assert.ok(now > before, 'each slice gets further')
    before = now
  }
  assert.ok(slices > 4)
  await isAsTheDrive(world)
  assert.equal(world.box.longBytes, 400, 'no byte was asked for twice')
  assert.equal(world.box.contentRequests, 1, 'and the small file once')
})

test('is honest coverage, and no poison: partial, with progress in each slice', async () => {
  const world = await worldOf(drive(200))
  for (let n = 0; n < 8; n += 1) {
    const result = await world.slice(12)
    assert.equal(result.state, 'more')
    const { coverage, attempts, completeAt } = await world.ownerRow()
    assert.equal(attempts, 0)
    if (n > 0) {
      assert.equal(coverage, 'partial')
      assert.ok(completeAt, 'everything else was read whole')
    }
  }
  assert.equal((await world.untilDone()).state, 'done')
  assert.equal((await world.ownerRow()).coverage, 'covered')
  await isAsTheDrive(world)
})

test('no round is read for its sake alone, and changes are not kept waiting by it', async () => {
  const world = await worldOf(drive(400), { intervalMs: 60 })
  await world.slice(12)
  await world.slice(12)
  world.box.put(id('d/new'), { content: 'new' })
  for (let n = 0; n < 12; n += 1) await world.slice(12)
  assert.equal(world.box.contentRequests, 2, 'the new file was read while the long one was')
  assert.ok(await entryOf(world))
  await world.untilDone()
  await isAsTheDrive(world)
})

test('where a round does not end for long, long content has its share of each slice', async () => {
  const box = drive(20)
  for (let n = 0; n < 300; n += 1) box.put(id(`d/n${n}`), { content: `${n}` })
  const world = await worldOf(box)
  for (let n = 0; n < 6; n += 1) await world.slice(40)
  assert.equal((await world.ownerRow()).completeAt, undefined, 'the first round is open still')
  assert.equal(await entryOf(world), undefined, 'and the long file is held')
  await world.untilDone()
  await isAsTheDrive(world)
})

/** Slices until nothing can be written any more: before its nth blob, or with the answer to it lost. */
async function cutOff(world: DriveWorld, at: number, when: 'before' | 'after'): Promise<void> {
  let created = 0
  world.blobs.beforeCreate = async () => {
    created += 1
    if (created === at && when === 'after') world.blobs.failNext({ call: 'create', when })
    else if (created >= at) throw outage()
  }
  await world.slice(30)
  world.blobs.beforeCreate = undefined
  assert.deepEqual(world.blobs.faultsLeft, [])
}

const outage = () =>
  new AppError({ code: 'StorageUnavailable', kind: 'transient', message: 'storage is gone' })

for (const when of ['before', 'after'] as const) {
  test(`P1: cut off ${when} any of its writes, it is whole in the end, and a pack is read again`, async () => {
    const all = await worldOf(drive(12))
    await all.untilDone()
    const writes = all.blobs.creates.length
    assert.ok(writes > 6)
    for (let at = 1; at <= writes; at += 1) {
      const world = await worldOf(drive(12))
      await cutOff(world, at, when)
      assert.equal((await world.untilDone()).state, 'done')
      await isAsTheDrive(world)
      const again = world.box.longBytes - 12 * PIECE
      assert.ok(again <= 4 * PIECE, `${again} bytes again, at write ${at}`)
    }
  })
}

test('content that changed between two slices is begun anew', async () => {
  const world = await worldOf(drive())
  await world.slice(20)
  assert.ok((await reached(world)) > 0)
  world.box.put(LONG, { content: longText(30, 'b') })
  await world.slice(20)
  await world.untilDone()
  await isAsTheDrive(world)
})

test('P1: what changes while it is read becomes no version of two, and is begun anew later', async () => {
  for (const isBlind of [false, true]) {
    const box = drive()
    box.isBlind = isBlind
    const world = await worldOf(box)
    await world.slice(12)
    const change = () => box.put(LONG, { content: longText(40, 'b') })
    box.meanwhile.push(...Array.from({ length: 10 }, () => () => undefined), change)
    await world.untilDone()
    for (const text of Object.values(await heldTree(world))) {
      assert.ok(!(text.includes('a.') && text.includes('b.')), 'no version is made of two')
    }
    world.clock.advance(2 * HOUR_MS)
    await world.untilDone()
    world.clock.advance(2 * HOUR_MS)
    await world.untilDone()
    await isAsTheDrive(world)
  }
})

test('a rename or a move on the way costs nothing of what was read', async () => {
  const world = await worldOf(drive())
  await world.slice(20)
  const before = await reached(world)
  assert.ok(before > 0)
  world.box.put(id('d/F'), { name: 'F' })
  world.box.put(LONG, { parent: id('d/F'), name: 'renamed' })
  await world.untilDone()
  assert.equal(world.box.longBytes, 400)
  await isAsTheDrive(world)
})

test('one that is deleted on the way ends its entry', async () => {
  const world = await worldOf(drive())
  await world.slice(20)
  world.box.remove(LONG)
  await world.untilDone()
  assert.equal(await world.openLedger(), 0)
  await isAsTheDrive(world)
})

test('a new version of a held file is captured beside the old one, which stays until then', async () => {
  const world = await worldOf(drive())
  await world.untilDone()
  world.box.put(LONG, { content: longText(50, 'c') })
  world.clock.advance(2 * HOUR_MS)
  await world.slice(20)
  assert.ok(await entryOf(world))
  assert.equal((await heldTree(world))[`d/${LONG}#${LONG}`], longText(40))
  await world.untilDone()
  await isAsTheDrive(world)
})

test('one that becomes small on the way is stored as what it is', async () => {
  const world = await worldOf(drive())
  await world.slice(20)
  world.box.put(LONG, { content: 'small now' })
  await world.untilDone()
  assert.equal(await world.openLedger(), 0)
  await isAsTheDrive(world)
})

test('content that breaks off goes on where it was, a few times at once and later after a wait', async () => {
  const box = drive()
  const world = await worldOf(box)
  box.nextPieces.push(undefined, broken(), undefined, undefined, broken(), broken())
  await world.untilDone()
  assert.equal(box.longBytes, 400)
  await isAsTheDrive(world)
  box.put(LONG, { content: longText(40, 'd') })
  box.nextPieces.push(undefined, broken(), broken(), broken())
  await world.untilDone()
  const entry = await entryOf(world)
  assert.deepEqual([entry?.reason, entry?.progress?.position.offset], ['unavailable', PIECE])
  world.clock.advance(2 * HOUR_MS)
  await world.untilDone()
  assert.equal(box.longBytes, 800, 'what was read before the wait is not read again')
  await isAsTheDrive(world)
})

test('what changed beside its content while it was read costs nothing of what was read', async () => {
  const box = drive()
  const world = await worldOf(box)
  const changed = { code: 'ContentChanged', kind: 'transient', message: 'another ETag' } as const
  box.nextPieces.push(undefined, undefined, new AppError(changed))
  await world.untilDone()
  await world.untilDone()
  assert.equal(box.longBytes, 400)
  await isAsTheDrive(world)
})

test('what was captured too long ago to stay locked is captured again', async () => {
  const world = await worldOf(drive())
  await world.slice(20)
  const before = world.box.longBytes
  assert.ok((await reached(world)) > 0)
  world.clock.advance(40 * 24 * HOUR_MS)
  await world.untilDone()
  assert.equal(world.box.longBytes, before + 400)
  await isAsTheDrive(world)
})

test('what is held too long to stay locked is captured again for a new name, once', async () => {
  const world = await worldOf(drive())
  await world.untilDone()
  world.clock.advance(40 * 24 * HOUR_MS)
  world.box.put(LONG, { name: 'renamed' })
  await world.untilDone()
  assert.equal(await world.openLedger(), 0)
  assert.equal(world.box.longBytes, 800)
  await isAsTheDrive(world)
})

test('what is whole, and not what its hash says, is begun anew later', async () => {
  const box = drive(10)
  const world = await worldOf(box)
  const differs = { code: 'ContentDiffers', kind: 'transient', message: 'another hash' } as const
  box.nextPieces.push(...Array(10), new AppError(differs))
  await world.untilDone()
  const entry = await entryOf(world)
  assert.deepEqual([entry?.reason, entry?.progress], ['in-progress', undefined])
  assert.equal((await world.ownerRow()).coverage, 'partial')
  world.clock.advance(2 * HOUR_MS)
  await world.untilDone()
  assert.equal(box.longBytes, 200)
  await isAsTheDrive(world)
})

test('what the reading found out is noted with the content', async () => {
  const box = drive()
  box.put(LONG, { content: `odd${longText(40)}` })
  const world = await worldOf(box)
  await world.untilDone()
  const head = await world.tables.head(world.signal)
  const held = (await world.tables.current([LONG], head?.seq ?? 0, world.signal)).get(LONG)
  const content = held?.representations.find(({ name }) => name === 'content')
  assert.deepEqual(content?.note, { odd: 403 })
})

test('P4: a death on the way makes nothing wait, and a second one at the same place an hour', async () => {
  const box = drive()
  const world = await worldOf(box)
  const { owner, catalogue, clock, signal } = world
  const [workload] = (await world.ownerRow()).workloads
  const die = async () => {
    const note = JSON.stringify({ suspects: [], loading: [LONG] })
    await catalogue.saveNote(`loading-${owner}-${workload}`, note, signal)
    await catalogue.owners.claim(owner, { holder: 'lost', leaseMs: 1 }, signal)
    clock.advance(1000)
  }
  await world.slice(12)
  for (let deaths = 0; deaths < 2; deaths += 1) {
    const before = await reached(world)
    await die()
    await world.slice(12)
    assert.equal((await entryOf(world))?.reason, 'in-progress')
    assert.ok((await reached(world)) > before, 'it got further, so the next death is the first')
  }
  const before = await reached(world)
  await die()
  box.nextPieces.push(new AppError({ code: 'Throttled', kind: 'throttled', message: 'slow down' }))
  await world.slice()
  await die()
  await world.slice()
  const entry = await entryOf(world)
  assert.deepEqual([entry?.reason, entry?.progress?.position.offset], ['killed-worker', before])
  clock.advance(5 * HOUR_MS)
  await world.untilDone()
  assert.equal(box.longBytes, 400, 'nothing was read twice')
  await isAsTheDrive(world)
})

test('trouble of the whole owner loses nothing of what was read', async () => {
  const box = drive()
  const world = await worldOf(box, { pieces: 1000 })
  const throttled = new AppError({ code: 'Throttled', kind: 'throttled', message: 'slow down' })
  box.nextPieces.push(undefined, undefined, undefined, throttled)
  assert.equal((await world.slice()).state, 'wait')
  assert.equal(await reached(world), 3 * PIECE)
  await world.untilDone()
  assert.equal(box.longBytes, 400)
  await isAsTheDrive(world)
})

test('how far it came makes no recovery points of its own', async () => {
  const world = await worldOf(drive(100))
  await world.untilDone()
  const head = await world.tables.head(world.signal)
  const points = await world.tables.points({ max: 1000, completeOnly: true }, world.signal)
  assert.ok((head?.seq ?? 0) > 20, 'many commits')
  assert.ok(points.items.length <= 3, `${points.items.length} points`)
})

test('a file that goes while it is read ends as gone, and its owner is in no trouble', async () => {
  const box = drive()
  const world = await worldOf(box)
  let pieces = 0
  box.beforePiece = async () => {
    pieces += 1
    if (pieces === 3) box.remove(LONG)
  }
  const result = await world.slice()
  assert.deepEqual([result.state, result.trouble], ['done', ''])
  assert.equal((await entryOf(world))?.reason, 'gone-before-read')
  await world.untilDone()
  assert.equal(await world.openLedger(), 0)
  await isAsTheDrive(world)
})

/** A slice whose worker vanishes after so many pieces; its lease runs out. */
async function vanish(world: DriveWorld, pieces: number): Promise<void> {
  const { promise: died, resolve } = Promise.withResolvers<'died'>()
  let read = 0
  world.box.beforePiece = async () => {
    read += 1
    if (read <= pieces) return
    resolve('died')
    await new Promise(() => undefined)
  }
  assert.equal(await Promise.race([died, world.slice()]), 'died')
  world.box.beforePiece = async () => undefined
  world.clock.advance(24 * HOUR_MS)
}

test('P3: a file that kills its worker again and again is accused, and not its owner', async () => {
  const world = await worldOf(drive())
  for (let n = 1; n < POISON_ATTEMPTS; n += 1) await vanish(world, 2)
  const result = await world.untilDone()
  assert.equal(result.state, 'done')
  const entry = await entryOf(world)
  assert.deepEqual([entry?.reason, entry?.code], ['killed-worker', 'WorkerVanished'])
  world.clock.advance(2 * HOUR_MS)
  await world.untilDone()
  await isAsTheDrive(world)
})

test('P6: how far it came is in the commits: a stream that is rebuilt goes on where it was', async () => {
  const world = await worldOf(drive(200), { intervalMs: 40, baseCommits: 4 })
  for (let n = 0; n < 8; n += 1) await world.slice(20)
  const before = await entryOf(world)
  assert.ok(before?.progress)
  const based = (await commitsOf(world)).filter(({ base }) => base)
  assert.ok(based.length > 1, 'there are bases that restate it')
  const { vault, owner, tables, signal } = world
  const stream = await vault.stream(owner, 'mail', signal)
  const notAfter = Number.MAX_SAFE_INTEGER
  let kept = REBUILD_START
  while (kept.phase !== 'done') {
    kept = await rebuildStream(stream, tables, kept, { notAfter, overDamage: false }, signal)
  }
  assert.deepEqual(await entryOf(world), before)
  await world.untilDone()
  assert.equal(world.box.longBytes, 200 * PIECE)
  await isAsTheDrive(world)
})
