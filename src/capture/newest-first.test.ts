/** A first copy that takes many slices has what changed lately before the rest. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import { heldTree, treeOf } from './testing/drive-truth.ts'
import { ScriptedDrive } from './testing/scripted-drive.ts'
import { captureWorld } from './testing/world.ts'

const DAY_MS = 24 * 3_600_000
const START = Date.parse('2026-11-21T08:00:00Z')
const FILES = 120
const id = (text: string) => text as GraphId
const DRIVE = id('d')
const [OLD, LAST_YEAR, NEW] = [3000, 200, 3].map((days) => START - days * DAY_MS)
const file = (n: number) => id(`d/${String(n).padStart(3, '0')}`)
/** What the drive tells last is the newest. */
const LATELY = Array.from({ length: 10 }, (_, n) => file(FILES - 1 - n)).sort()
const THIS_YEAR = Array.from({ length: 10 }, (_, n) => file(FILES - 11 - n)).sort()

async function world() {
  const box = new ScriptedDrive()
  box.createDrive(DRIVE)
  for (let n = 0; n < FILES; n += 1) {
    const changedAt = n >= FILES - 10 ? NEW : n >= FILES - 20 ? LAST_YEAR : OLD
    box.put(file(n), { parent: DRIVE, name: `${n}`, content: `${n}`, changedAt: changedAt ?? 0 })
  }
  const made = await captureWorld(box)
  const { tables, signal } = made
  const held = async () => {
    const head = await tables.head(signal)
    const all = Array.from({ length: FILES }, (_, n) => file(n))
    const found = await tables.current(all, head?.seq ?? 0, signal)
    return all.filter((one) => found.get(one)?.deleted === false)
  }
  return { ...made, box, held }
}

test('from the second slice on the last month comes first, then the last year', async () => {
  const { box, slice, held } = await world()
  await slice(20)
  const first = await held()
  assert.ok(first.length > 3 && !first.includes(LATELY[0] ?? id('')), `${first.length}`)
  assert.equal(box.newestRequests, 0)
  await slice(22)
  const second = await held()
  assert.deepEqual(
    LATELY.filter((one) => !second.includes(one)),
    [],
  )
  await slice(30)
  const third = await held()
  assert.deepEqual(
    THIS_YEAR.filter((one) => !third.includes(one)),
    [],
  )
  assert.ok(third.length < FILES)
})

test('nothing is fetched twice for it, and all is there in the end', async () => {
  const { box, slice, untilDone, held } = await world()
  await slice(20)
  await untilDone()
  assert.equal((await held()).length, FILES)
  assert.equal(box.contentRequests, FILES)
  const asked = box.newestRequests
  assert.ok(asked > 0)
  await untilDone()
  assert.equal(box.newestRequests, asked, 'only a first copy asks for it')
})

test('what one slice reads to its end needs no order', async () => {
  const { box, untilDone } = await world()
  await untilDone()
  assert.equal(box.newestRequests, 0)
})

test('where the service does not tell, the first copy goes on in its order', async () => {
  const { box, slice, untilDone, held } = await world()
  const refusal = { kind: 'permanent', message: 'no token of that kind' } as const
  box.newestRefused = new AppError({ code: 'RequestNotUnderstood', ...refusal })
  await slice(20)
  await untilDone()
  assert.equal((await held()).length, FILES)
  assert.equal(box.newestRequests, 2, 'once for each span of time')
})

test('P2: whatever happens meanwhile, what is held in the end is what is there', async () => {
  const change = fc.record({
    after: fc.integer({ min: 1, max: 60 }),
    what: fc.constantFrom('edit', 'rename', 'remove', 'add'),
    file: fc.integer({ min: 0, max: FILES - 1 }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 8 }),
      fc.integer({ min: 8, max: 60 }),
      async (changes, sliceMs) => {
        const made = await world()
        const { box } = made
        const at = Array.from({ length: 61 }, (): (() => void)[] => [])
        for (const [n, { after, what, file: which }] of changes.entries()) {
          at[after]?.push(() => {
            const item = what === 'add' ? id(`d/new ${n}`) : file(which)
            if (what === 'remove') box.remove(item)
            else if (what === 'add' || box.nodes.has(item)) {
              const content = what === 'rename' ? {} : { content: `edit ${n}` }
              box.put(item, { parent: DRIVE, name: `${n}`, changedAt: START, ...content })
            }
          })
        }
        for (const calls of at) box.meanwhile.push(() => calls.forEach((call) => void call()))
        for (let n = 0; n < 6; n += 1) await made.slice(sliceMs)
        while (box.meanwhile.length > 0) await made.slice()
        await made.untilDone()
        await made.untilDone()
        assert.deepEqual(await heldTree(made), treeOf(box))
      },
    ),
    { numRuns: 15 },
  )
})
