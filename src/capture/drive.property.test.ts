/**
 * Capture of drives held against a plain model: whatever happens to files and folders and to the
 * service's links, and wherever slices end, vault and tables say in the end what the drive says.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CONTAINERS } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { type DriveWorld, heldTree, listedOf, treeOf } from './testing/drive-truth.ts'
import { assertRebuiltEqual } from './testing/rebuilt.ts'
import { ScriptedDrive } from './testing/scripted-drive.ts'
import type { Refusal } from './testing/scripted-links.ts'
import { addUp } from './testing/truth.ts'
import { captureWorld } from './testing/world.ts'

const LAG_MS = 1_800_000
const LAST_TRY_MS = 8 * 86_400_000
const MANY = 23
const id = (text: string) => text as GraphId
const DRIVES = [id('d'), id('e')]
const FOLDERS_MAX = 5
const folderOf = (n: number) => id(`${n < 3 ? 'd' : 'e'}/F${n}`)

type Happening =
  | { step: 'folder'; folder: number; above: number; name: string }
  | { step: 'file'; file: number; folder: number; content: string }
  | { step: 'rename'; file: number; name: string }
  | { step: 'remove'; file: number }
  | { step: 'drop'; folder: number }
  | { step: 'back'; folder: number }
  | { step: 'many'; folder: number }
  | { step: 'few'; left: number }
  | { step: 'corrupt'; file: number; is: boolean }
  | { step: 'expire'; refusal: Refusal }
  | { step: 'names'; is: boolean }

type Step =
  | Happening
  | { step: 'slice'; ms: number; meanwhile: Happening[] }
  | { step: 'wait'; ms: number }

const folder = fc.nat({ max: FOLDERS_MAX })
const file = fc.nat({ max: 7 })
const step = <T extends string>(name: T) => fc.constant(name)
const is = fc.boolean()
const refusal = fc.record({
  kinds: fc.constantFrom(['position', 'start'] as const, ['position'] as const, ['start'] as const),
  of: fc.constantFrom('all' as const, 'containers' as const, 'list' as const),
  form: fc.constantFrom(410 as const, 404 as const),
})
const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ step: step('folder'), folder, above: folder, name: fc.constantFrom('x', 'y') }),
  fc.record({ step: step('file'), file, folder, content: fc.string({ maxLength: 4 }) }),
  fc.record({ step: step('rename'), file, name: fc.constantFrom('a', 'b') }),
  fc.record({ step: step('remove'), file }),
  fc.record({ step: step('drop'), folder }),
  fc.record({ step: step('back'), folder }),
  fc.record({ step: step('many'), folder }),
  fc.record({ step: step('few'), left: fc.nat({ max: MANY }) }),
  fc.record({ step: step('corrupt'), file, is }),
  fc.record({ step: step('expire'), refusal }),
  fc.record({ step: step('names'), is }),
)
const slice = fc.record({
  step: step('slice'),
  ms: fc.integer({ min: 1, max: 60 }),
  meanwhile: fc.array(happening, { maxLength: 8 }),
})
const wait = fc.record({ step: step('wait'), ms: fc.constantFrom(1000, LAG_MS) })
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: happening },
    { weight: 2, arbitrary: slice },
    { weight: 1, arbitrary: wait },
  ),
  { maxLength: 40 },
)

const settings = fc.record({
  commitEvents: fc.constantFrom(1, 4, 50),
  /** What was made last is shown first. */
  order: is,
  /** Content of so many characters is read one by one. */
  longFrom: fc.constantFrom(2, Number.POSITIVE_INFINITY),
})

async function play(world: DriveWorld, now: Step): Promise<void> {
  if (now.step === 'slice') {
    world.box.meanwhile.push(...now.meanwhile.map((one) => () => happen(world.box, one)))
    addUp((await world.slice(now.ms)).counts)
  } else if (now.step === 'wait') world.clock.advance(now.ms)
  else happen(world.box, now)
}

function happen(box: ScriptedDrive, what: Happening): void {
  switch (what.step) {
    case 'expire':
      box.expire(what.refusal)
      break
    case 'names':
      box.namesChildren = what.is
      break
    case 'folder':
    case 'drop':
    case 'back':
      happenToFolder(box, what)
      break
    case 'many':
      for (let n = 0; n < MANY; n += 1) putFile(box, `many-${n}`, what.folder, { content: `${n}` })
      break
    case 'few':
      for (let n = what.left; n < MANY; n += 1) {
        for (const drive of DRIVES) box.remove(id(`${drive}/many-${n}`))
      }
      break
    default:
      happenToFile(box, what)
  }
}

function happenToFolder(
  box: ScriptedDrive,
  what: Extract<Happening, { step: 'folder' | 'drop' | 'back' }>,
): void {
  const one = folderOf(what.folder)
  if (what.step === 'drop') box.remove(one)
  else if (what.step === 'back') {
    if (!box.nodes.has(one)) box.bringBack(one)
  } else {
    const above = placeOf(box, one, what.above)
    if (!box.isBelow(above, one)) box.put(one, { parent: above, name: what.name })
  }
}

/** The folder, if it is there and of the same drive, or the drive itself. */
function placeOf(box: ScriptedDrive, one: GraphId, n: number): GraphId {
  const above = folderOf(n)
  const drive = id(one.slice(0, 1))
  return box.nodes.has(above) && above.startsWith(drive) ? above : drive
}

/** A file that moves to the other drive has another id there. */
function putFile(box: ScriptedDrive, name: string, n: number, change: { content: string }): void {
  const drive = folderOf(n).slice(0, 1)
  const one = id(`${drive}/${name}`)
  box.put(one, { parent: placeOf(box, one, n), name, ...change })
}

function happenToFile(
  box: ScriptedDrive,
  what: Extract<Happening, { step: 'file' | 'rename' | 'remove' | 'corrupt' }>,
): void {
  const name = `f${what.file}`
  if (what.step === 'file') putFile(box, name, what.folder, { content: what.content })
  for (const drive of DRIVES) {
    const one = id(`${drive}/${name}`)
    if (what.step === 'remove') box.remove(one)
    else if (what.step === 'corrupt') box.corrupt[what.is ? 'add' : 'delete'](one)
    else if (what.step === 'rename' && box.nodes.has(one)) box.put(one, { name: what.name })
  }
}

test('P2, P3: whatever happens and wherever slices end, the vault says what the drives say', async () => {
  await fc.assert(
    fc.asyncProperty(steps, settings, async (story, { commitEvents, order, longFrom }) => {
      const box = new ScriptedDrive()
      box.childrenFirst = order
      box.longFrom = longFrom
      for (const drive of DRIVES) box.createDrive(drive)
      const world = await captureWorld(box, { commitEvents, pieceBytes: 1 })
      for (const one of story) await play(world, one)
      await assertRebuiltEqual(world)
      while (box.meanwhile.length > 0) await world.slice()
      box.corrupt.clear()
      await world.untilDone()
      if ((await world.openLedger()) > 0) world.clock.advance(LAST_TRY_MS)
      await world.untilDone()
      await world.untilDone()
      assert.deepEqual(await heldTree(world), treeOf(box))
      world.clock.advance(LAG_MS)
      await world.untilDone()
      const places = Array.from({ length: FOLDERS_MAX + 1 }, (_, n) => folderOf(n))
      const all = await listedOf(world, [CONTAINERS, ...DRIVES, ...places])
      assert.equal(all.length, box.nodes.size + box.drives.size, 'what was deleted is in no list')
      await assertRebuiltEqual(world)
    }),
    { numRuns: 60 },
  )
})
