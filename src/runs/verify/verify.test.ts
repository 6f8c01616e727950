/** P10: what is verified of all owners on schedule, whatever happens to those who verify. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { IDENTITIES } from '../../../sandbox/storage/index.ts'
import { AppError } from '../../model/errors.ts'
import type { OwnerId } from '../../model/ids.ts'
import { verifyIfDue } from './begin.ts'
import { DAY_MS, fork, SETTINGS, type VerifyWorld, verifyWorld } from './testing/world.ts'
import { FINDINGS_KEPT_MAX, SEEN_LATE_MS, taken } from './verification.ts'

const never = new AbortController().signal
const made = await verifyWorld()
const [first, second, third] = made.owners

/** Some twenty calls: an owner has several steps. */
const SHORT_MS = 60

function spoilPack({ storage }: VerifyWorld, owner: OwnerId | undefined): string {
  const name = storage.vault.names().find((n) => n.startsWith(`packs/${owner}/`)) ?? ''
  storage.clock.advance(5000)
  storage.vault.overwrite(IDENTITIES.account, name, Buffer.from('spoilt'), { lock: 'none' })
  return name
}

/** Of the packs of one owner: what is missing, what is checked, and where segments are. */
const LISTS_OF_A_LOOK = 3

async function erase({ storage }: VerifyWorld, owner: OwnerId | undefined): Promise<void> {
  const { ops, keyRemoval } = storage.open('expirer', storage.process('expirer'))
  const record = Buffer.from(JSON.stringify({ owner, request: 'r' }))
  await ops.create(`expirer/erased/${owner}.json`, record, never)
  await keyRemoval.erase(owner as OwnerId, never)
}

describe('a verification of all owners', () => {
  test('opens everything, says of each owner until when, and writes one report', async () => {
    const world = fork(made)
    const id = await world.ask()
    const beganAt = world.clock.now()
    const { row } = await world.drive(id)
    assert.equal(row.state, 'done')
    assert.deepEqual([row.counts.owners, row.counts.opened], [3, 3])
    assert.deepEqual([row.findings, row.troubles], [[], {}])
    assert.equal(row.sums['opened'], row.sums['segments'])
    assert.equal(row.sums['versions'], world.storage.vault.names().length)
    for (const owner of world.owners) {
      const verified = await world.verified(owner)
      const until = Date.parse(verified?.opened ?? '')
      assert.ok(until >= beganAt - SEEN_LATE_MS && until < beganAt, 'what began before is in it')
      assert.deepEqual([verified?.sampled, verified?.hashes], [verified?.opened, verified?.opened])
      assert.equal(verified?.errors, 0)
    }
    const reports = world.reports()
    const day = row.endedAt?.slice(0, 10)
    assert.deepEqual(Object.keys(reports), [`verify/${day}/${id}.json`])
    assert.equal(row.report, `verify/${day}/${id}.json`)
    const [report] = Object.values(reports)
    assert.deepEqual(report?.['owners'], row.counts)
    assert.deepEqual(report?.['counts'], row.sums)
  })

  test('ends in the same however short its steps are', async () => {
    const [long, short] = [fork(made), fork(made)]
    const whole = await long.drive(await long.ask())
    const cut = await short.drive(await short.ask(), { sliceMs: SHORT_MS })
    assert.ok(cut.steps > 20 && cut.steps > 5 * whole.steps, `${cut.steps} steps`)
    const { counts, sums, found, findings } = whole.row
    const { row } = cut
    assert.deepEqual(
      { counts: row.counts, sums: row.sums, found: row.found, findings: row.findings },
      { counts, sums, found, findings },
    )
  })

  test('says verified only of what it opened', async () => {
    // Of the few segments that an owner has here a small sample may have none.
    for (const openPercent of [0, 99]) {
      const world = fork(made)
      const { row } = await world.drive(await world.ask({ openPercent }))
      const kind = openPercent === 0 ? 'hashes' : 'sampled'
      assert.equal(row.counts[kind], 3)
      const verified = await world.verified(first)
      assert.equal(verified?.opened, undefined)
      assert.equal(verified?.sampled !== undefined, openPercent > 0)
      assert.ok(verified?.hashes)
    }
  })

  test('names what is lost of one owner, and keeps what was verified of it before', async () => {
    const world = fork(made)
    await world.drive(await world.ask())
    const before = await world.verified(second)
    const pack = spoilPack(world, second)
    world.clock.advance(30 * DAY_MS)
    const again = await verifyIfDue(world.begin(), never)
    const { row } = await world.drive(again?.id ?? '')
    assert.deepEqual([row.counts.damaged, row.counts.opened], [1, 2])
    assert.deepEqual(row.findings[0]?.['severity'], 'error')
    assert.ok(row.findings.some((f) => f['blob'] === pack && f['code'] === 'PackDamaged'))
    const after = await world.verified(second)
    assert.ok(after && after.errors > 0)
    assert.equal(after.opened, before?.opened)
    assert.ok((await world.verified(first))?.opened !== before?.opened)
    const [, report] = Object.values(world.reports())
    assert.deepEqual(report?.['findings'], row.findings)
    const text = JSON.stringify(world.reports())
    assert.doesNotMatch(text, /Ada|Grace|subject/, 'opaque ids alone (P9)')
  })

  test('finds hidden versions and short locks where it is given versions', async () => {
    const world = fork(made)
    spoilPack(world, third)
    world.clock.advance(31 * DAY_MS)
    const { row } = await world.drive(await world.ask())
    assert.equal(row.found['OldestHidden'], 1)
    assert.ok((row.found['LockShort'] ?? 0) > 20)
    assert.ok(row.findings.length <= FINDINGS_KEPT_MAX)
    assert.ok((await world.verified(first))?.opened, 'a short lock loses nothing')
  })

  test('passes an owner that was erased, whose keys are gone for good', async () => {
    const world = fork(made)
    await erase(world, first)
    const { row } = await world.drive(await world.ask())
    assert.deepEqual([row.counts.erased, row.counts.opened], [1, 2])
    assert.deepEqual(row.findings, [])
    assert.equal(await world.verified(first), undefined)
  })
})

describe('what is found lost', () => {
  test('is looked for once more before it is said: it may have expired meanwhile', async () => {
    const world = fork(made)
    const pack = world.storage.vault.names().find((n) => n.startsWith(`packs/${second}/`)) ?? ''
    let looks = 0
    const { row } = await world.drive(await world.ask(), {
      with: ({ store }) => ({
        store: {
          ...store,
          async *list(prefix, signal) {
            if (prefix === `packs/${second}/`) looks += 1
            for await (const stat of store.list(prefix, signal)) {
              // As if the expirer were amid this owner for all of the first look.
              if (stat.name !== pack || looks > LISTS_OF_A_LOOK) yield stat
            }
          },
        },
      }),
    })
    assert.equal(looks, 2 * LISTS_OF_A_LOOK)
    assert.deepEqual([row.counts.opened, row.findings], [3, []])
    assert.equal((await world.verified(second))?.errors, 0)
  })

  test('of the vault itself is found where the first owner was erased', async () => {
    const world = fork(made)
    await erase(world, first)
    const isFormat = (name: string) => name === 'format.json'
    const { row } = await world.drive(await world.ask(), {
      with: ({ store }) => ({
        store: {
          ...store,
          read: async (name, signal, range) =>
            isFormat(name) ? undefined : await store.read(name, signal, range),
        },
      }),
    })
    assert.equal(row.found['FormatMissing'], 1)
  })

  test('is that an account keeps no versions, and owners are verified all the same', async () => {
    const world = fork(made)
    const missing = new AppError({
      ...{ code: 'VersionsMissing', kind: 'permanent', message: 'None.', hint: 'None.' },
    })
    const refuse = () => {
      throw missing
    }
    const { row } = await world.drive(await world.ask(), {
      with: () => ({ versions: { versions: refuse, readVersion: refuse } }),
    })
    assert.deepEqual(row.found, { VersionsNotKept: 1 })
    assert.equal(row.counts.opened, 3)
  })
})

describe('whoever verifies', () => {
  test('is refused for an hour by storage, leaves the owner, and says why', async () => {
    const world = fork(made)
    const busy = new AppError({
      ...{ code: 'StorageThrottled', kind: 'throttled', message: 'Busy.', hint: 'Wait.' },
      retryAfterMs: 1000,
    })
    const beganAt = world.clock.now()
    const { row } = await world.drive(await world.ask(), {
      with: ({ store }) => ({
        store: {
          ...store,
          async read(name, signal, range) {
            if (name.includes(`/${first}/`)) throw busy
            return await store.read(name, signal, range)
          },
        },
      }),
    })
    assert.deepEqual([row.counts.failed, row.counts.opened], [1, 2])
    assert.deepEqual(row.troubles, { StorageThrottled: 1 })
    assert.ok(world.clock.now() - beganAt > 3_600_000)
    assert.equal(await world.verified(first), undefined)
  })

  test('writes the report that the row says, though an owner comes meanwhile', async () => {
    const world = fork(made)
    let refused = 0
    const { row } = await world.drive(await world.ask(), {
      with: ({ ops }) => ({
        ops: {
          ...ops,
          async create(name, bytes, signal) {
            refused += 1
            if (refused > 1) return await ops.create(name, bytes, signal)
            await world.addOwner()
            throw new AppError({
              ...{ code: 'StorageUnreachable', kind: 'transient', message: 'Away.', hint: 'Wait.' },
            })
          },
        },
      }),
    })
    assert.equal(refused, 2)
    assert.equal(row.counts.owners, 3, 'the next verification has it')
    const [report] = Object.values(world.reports())
    assert.deepEqual(report?.['owners'], row.counts)
  })

  test('ends only where no other step has taken an owner', async () => {
    const world = fork(made)
    const id = await world.ask()
    let added: OwnerId | undefined
    const catalogue = world.rows('restorer').catalogue
    const { row } = await world.drive(id, {
      with: () => ({
        catalogue: {
          ...catalogue,
          verifications: {
            ...catalogue.verifications,
            async update(of, change, signal) {
              const now = await world.row(id)
              const isEnding = now.counts.owners === 3 && !now.open && !now.endedAt
              if (isEnding && added === undefined) {
                added = await world.addOwner()
                const until = world.clock.now() + 60_000
                const taking = { worker: 'w', until, at: world.clock.now(), owner: added }
                await catalogue.verifications.update(of, (row) => taken(row, taking), signal)
              }
              return await catalogue.verifications.update(of, change, signal)
            },
          },
        },
      }),
    })
    assert.ok(added)
    assert.equal(row.counts.owners, 4)
    const [report] = Object.values(world.reports())
    assert.deepEqual(report?.['owners'], row.counts)
  })

  test('waits while storage is busy, and goes on where it was', async () => {
    const world = fork(made)
    let faults = 0
    const { row } = await world.drive(await world.ask(), {
      sliceMs: SHORT_MS,
      onStep(process) {
        process.faultChance(0.03, ['throttled', 'lost', 'applied'])
        faults += 1
      },
    })
    assert.ok(faults > 20)
    assert.deepEqual([row.counts.opened, row.counts.owners], [3, 3])
    assert.deepEqual([row.findings, row.troubles], [[], {}])
  })

  test('waits for another step that is at work, and takes over when it must have vanished', async () => {
    const world = fork(made)
    const id = await world.ask()
    const process = world.storage.process('restorer')
    const stalled = process.stallAt(40, 'before')
    const asleep = world.step(id, { process })
    await stalled
    const told = await world.step(id)
    assert.equal(told.state, 'wait')
    const { row } = await world.drive(id)
    assert.equal(row.counts.owners, 3)
    const reports = JSON.stringify(world.reports())
    process.resume()
    await asleep
    assert.deepEqual(await world.row(id), row, 'one that wakes later changes nothing')
    assert.equal(JSON.stringify(world.reports()), reports)
  })

  test('sleeps at the end of an owner, and then takes nothing back of what was found since', async () => {
    const counted = fork(made)
    const counting = counted.storage.process('counting')
    await counted.step(await counted.ask(), { process: counting })
    const stats = counted.storage.trace.of('counting').filter(({ op }) => op === 'stat')
    const world = fork(made)
    const id = await world.ask()
    const process = world.storage.process('counting')
    // Of each owner it is asked twice whether it was erased: before and after the look.
    const stalled = process.stallAt(stats[1]?.k ?? 0, 'before')
    const asleep = world.step(id, { process })
    await stalled
    spoilPack(world, first)
    await world.drive(id)
    const verified = await world.verified(first)
    assert.ok(verified && verified.errors > 0)
    process.resume()
    await asleep
    assert.deepEqual(await world.verified(first), verified)
  })

  test('leaves an owner that kills it again and again, and says so', async () => {
    const world = fork(made)
    const id = await world.ask()
    const { row } = await world.drive(id, {
      onStep(process) {
        // Amid the first owner, each time.
        if (world.storage.ops.names('verify/').length === 0) process.crashBefore(30)
      },
    })
    assert.ok(row.counts.failed >= 1)
    assert.deepEqual(row.troubles, { NoProgress: row.counts.failed })
    assert.equal(row.counts.owners, 3)
  })
})

describe('a verification begins', () => {
  test('when none was before, and again so many days after the last', async () => {
    const world = fork(made)
    const row = await verifyIfDue(world.begin(), never)
    assert.ok(row)
    assert.equal(await verifyIfDue(world.begin(), never), undefined, 'one is under way')
    world.clock.advance(31 * DAY_MS)
    assert.equal(await verifyIfDue(world.begin(), never), undefined, 'and stays the only one')
    await world.drive(row.id)
    const next = await verifyIfDue(world.begin(), never)
    assert.ok(next)
    await world.drive(next.id)
    world.clock.advance(29 * DAY_MS)
    assert.equal(await verifyIfDue(world.begin(), never), undefined)
    world.clock.advance(DAY_MS)
    assert.ok(await verifyIfDue(world.begin(), never))
  })

  test('sooner while the vault is new, and never later than the settings say', async () => {
    const world = fork(made)
    const begun: number[] = []
    for (let hours = 0; hours < 24 * 70; hours += 1) {
      const row = await verifyIfDue(world.begin(), never)
      if (row) {
        begun.push(Date.parse(row.createdAt) / DAY_MS)
        await world.drive(row.id)
      }
      world.clock.advance(3_600_000)
    }
    const days = begun.slice(1).map((at, n) => at - (begun[n] ?? 0))
    assert.equal(days.length, 7)
    for (const [n, least] of [1, 1, 2, 4, 8, 16, 30].entries()) {
      const gap = days[n] ?? 0
      // It is asked for once an hour, and each delay is in the next.
      assert.ok(gap >= least && gap <= Math.min(1.2 * least, 30.1), `${gap} days, not ${least}`)
    }
  })

  test('by the plan that the settings say', async () => {
    const world = fork(made)
    assert.equal(await verifyIfDue(world.begin({ ...SETTINGS, everyDays: 0 }), never), undefined)
    const locks = { protectionDays: 30, generationDays: 30 }
    const row = await verifyIfDue(world.begin({ ...SETTINGS, openPercent: 5, locks }), never)
    assert.equal(row?.openPercent, 5)
    const days = (text?: string) => (Date.parse(text ?? '') - world.clock.now()) / DAY_MS
    assert.ok(Math.abs(days(row?.locks?.until) - 30) < 0.1)
    assert.ok(days(row?.locks?.most) > 60 + 300)
  })
})
