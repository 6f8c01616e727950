/**
 * Capture held against a plain model: whatever happens to a mailbox and to the service's links and
 * lists, and wherever slices end, the vault and the tables say in the end what the mailbox says
 * (P2, P3), and every version that was ever committed comes back byte for byte (P1).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CONTAINERS } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { assertRebuiltEqual } from './testing/rebuilt.ts'
import type { Refusal } from './testing/scripted-links.ts'
import { ScriptedMailbox, TROUBLES } from './testing/scripted-mailbox.ts'
import { addUp, contents, listed, listedIn, modelOf } from './testing/truth.ts'
import { captureWorld, type World } from './testing/world.ts'

const LAG_MS = 1_800_000
/** Longer than the longest wait of the ledger. */
const LAST_TRY_MS = 8 * 86_400_000
/** More than leave without being asked for. */
const MANY = 23
const id = (text: string) => text as GraphId
const BOXES = [id('inbox'), id('other'), id('third')]

type Happening =
  | { step: 'put'; item: number; container: number; content: string }
  | { step: 'flag'; item: number; flags: string }
  | { step: 'move'; item: number; container: number }
  | { step: 'remove'; item: number }
  | { step: 'corrupt'; item: number; is: boolean }
  | { step: 'drop'; container: number }
  | { step: 'many'; container: number }
  | { step: 'few'; left: number }
  | { step: 'unreadable'; container: number; trouble: keyof typeof TROUBLES | 'none' }
  | { step: 'expire'; refusal: Refusal }
  | { step: 'behind'; container: number }
  | { step: 'caught up' }

type Step =
  | Happening
  | { step: 'slice'; ms: number; meanwhile: Happening[] }
  | { step: 'wait'; ms: number }

const item = fc.nat({ max: 7 })
const container = fc.nat({ max: 2 })
const step = <T extends string>(name: T) => fc.constant(name)
const refusal = fc.record({
  kinds: fc.constantFrom(['position', 'start'] as const, ['position'] as const, ['start'] as const),
  of: fc.constantFrom('all' as const, 'containers' as const, 'list' as const),
  form: fc.constantFrom(410 as const, 404 as const),
})
const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ step: step('put'), item, container, content: fc.string({ maxLength: 4 }) }),
  fc.record({ step: step('flag'), item, flags: fc.constantFrom('read', 'flagged', '') }),
  fc.record({ step: step('move'), item, container }),
  fc.record({ step: step('remove'), item }),
  fc.record({ step: step('corrupt'), item, is: fc.boolean() }),
  fc.record({ step: step('drop'), container: fc.constantFrom(1, 2) }),
  fc.record({ step: step('many'), container }),
  fc.record({ step: step('few'), left: fc.nat({ max: MANY }) }),
  fc.record({
    step: step('unreadable'),
    container,
    trouble: fc.constantFrom('corrupt', 'denied', 'unavailable', 'none'),
  }),
  fc.record({ step: step('expire'), refusal }),
  fc.record({ step: step('behind'), container: fc.nat({ max: 3 }) }),
  fc.record({ step: step('caught up') }),
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

function mailbox(): ScriptedMailbox {
  const box = new ScriptedMailbox()
  for (const name of BOXES) box.createContainer(name, name)
  return box
}

async function play(world: World, now: Step): Promise<void> {
  if (now.step === 'slice') {
    world.box.meanwhile.push(...now.meanwhile.map((one) => () => happen(world.box, one)))
    addUp((await world.slice(now.ms)).counts)
  } else if (now.step === 'wait') world.clock.advance(now.ms)
  else happen(world.box, now)
}

function happen(box: ScriptedMailbox, what: Happening): void {
  switch (what.step) {
    case 'unreadable': {
      const place = BOXES[what.container] ?? id('inbox')
      if (what.trouble === 'none') box.unreadable.delete(place)
      else box.unreadable.set(place, TROUBLES[what.trouble])
      break
    }
    case 'expire':
      box.expire(what.refusal)
      break
    case 'behind':
      box.fallBehind(BOXES[what.container] ?? CONTAINERS)
      break
    case 'caught up':
      box.catchUp()
      break
    case 'drop':
      box.deleteContainer(BOXES[what.container] ?? id('inbox'))
      break
    case 'many':
    case 'few':
      happenToMany(box, what)
      break
    default:
      happenToOne(box, what)
  }
}

function happenToMany(
  box: ScriptedMailbox,
  what: Extract<Happening, { step: 'many' | 'few' }>,
): void {
  for (let n = 0; n < MANY; n += 1) {
    const name = id(`many-${n}`)
    const target = what.step === 'many' ? BOXES[what.container] : undefined
    if (target && box.containers.has(target)) box.put(name, { container: target })
    else if (what.step === 'few' && n >= what.left) box.remove(name)
  }
}

function happenToOne(
  box: ScriptedMailbox,
  what: Extract<Happening, { step: 'put' | 'flag' | 'move' | 'remove' | 'corrupt' }>,
): void {
  const name = id(`item-${what.item}`)
  const place = 'container' in what ? BOXES[what.container] : undefined
  const target = place && box.containers.has(place) ? place : undefined
  const now = box.items.get(name)
  if (what.step === 'remove') box.remove(name)
  else if (what.step === 'corrupt') box.corrupt[what.is ? 'add' : 'delete'](name)
  else if (what.step === 'put' && target) {
    box.put(name, { container: target, content: what.content })
  } else if (what.step === 'move' && target && now) box.put(name, { container: target })
  else if (what.step === 'flag' && now) {
    box.put(name, { container: now.container, flags: what.flags })
  }
}

test('P2, P3: whatever happens and wherever slices end, the vault says what the mailbox says', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom(1, 4, 50), async (story, commitEvents) => {
      const world = await captureWorld(mailbox(), { commitEvents })
      for (const one of story) await play(world, one)
      await assertRebuiltEqual(world)
      // While the list of folders is behind, a round may have to wait for it.
      while (world.box.meanwhile.length > 0) await world.slice()
      world.box.corrupt.clear()
      world.box.unreadable.clear()
      world.box.catchUp()
      await world.untilDone()
      // What could not be stored is in the ledger, and is tried again when its time has come.
      if ((await world.openLedger()) > 0) world.clock.advance(LAST_TRY_MS)
      await world.untilDone()
      await world.untilDone()
      assert.deepEqual(await contents(world), modelOf(world.box))
      world.clock.advance(LAG_MS)
      await world.untilDone()
      const listedNow = [...(await listed(world)).values()].flat().length
      assert.equal(listedNow, world.box.items.size, 'what was deleted is in no list any more')
      for (const box of BOXES.filter((name) => !world.box.containers.has(name))) {
        assert.deepEqual(await listedIn(world, box), [], 'nor in one of a folder that is gone')
      }
      await assertRebuiltEqual(world)
    }),
    { numRuns: 100 },
  )
})
