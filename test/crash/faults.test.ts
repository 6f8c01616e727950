/**
 * P2, P3, P7: one call in ten fails, in every way that the service has of failing, while a company
 * is backed up and restored. Nothing is lost, nothing is made twice, and the numbers add up.
 *
 * Whether a call is hit follows from the seed, which the test prints; HOLDFAST_CRASH_SEED=n plays
 * another. HOLDFAST_CRASH_RUNS plays larger mailboxes, and one company for each hundred of it
 * (npm run test:crash).
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FAULT_KINDS } from '../../sandbox/tenant/index.ts'
import { keyHash } from '../../src/model/ids.ts'
import { UNLESS_MORE } from '../level.ts'
import { Company } from '../scenario/company.ts'
import { type Known, Person } from '../scenario/person.ts'

const RATE = 0.1
/** Where a refusal names a time with a fraction; the others round it up to a second. */
const RETRY_AFTER_SECONDS = 0.1
const CRASH_RUNS = process.env['HOLDFAST_CRASH_RUNS']
const IS_LONG = CRASH_RUNS !== undefined
const SEED = Number(process.env['HOLDFAST_CRASH_SEED'] ?? 1)
const RUNS = IS_LONG ? Math.ceil(Number(CRASH_RUNS) / 100) : 1
const PEOPLE = 3
const MESSAGES = IS_LONG ? 300 : 60
/** Most of a run's time are the pauses that the service asks for. */
const WAIT_MS = IS_LONG ? 480_000 : 90_000
/** A restore has one mailbox, so a throttled second is a lost one; a short run restores one. */
const RESTORED = IS_LONG ? PEOPLE : 1
/** Calls between two faults of a kind that must be met: those of a rate may leave one out. */
const KIND_EVERY = 5

/** Slices that outlast some pauses of a second each; a lost answer is looked for soon. */
const SETTINGS = {
  HOLDFAST_SLICE_SECONDS: '20',
  HOLDFAST_COMMIT_EVENTS: '20',
  HOLDFAST_PAGE_SIZE: '10',
  HOLDFAST_RESTORE_LAG_SECONDS: '1',
}

describe('one call in ten fails', {
  ...UNLESS_MORE,
  timeout: IS_LONG ? 3_000_000 : 300_000,
}, () => {
  for (let seed = SEED; seed < SEED + RUNS; seed += 1) {
    test(`backup and restore lose nothing and make nothing twice (seed ${seed})`, async (t) => {
      const runs = IS_LONG ? 'HOLDFAST_CRASH_RUNS=1 ' : ''
      t.diagnostic(`${runs}HOLDFAST_CRASH_SEED=${seed} plays it again`)
      const company = await Company.start({
        ...{ users: PEOPLE, messages: MESSAGES, seed, settings: SETTINGS, waitMs: WAIT_MS },
      })
      try {
        await play(company, seed)
      } finally {
        await company.stop()
      }
    })
  }
})

async function play(company: Company, seed: number): Promise<void> {
  const { users } = await company.control.users({})
  const people = users
    .filter(({ mailbox }) => mailbox !== null)
    .map(({ profile }) => new Person(company, profile.userPrincipalName))
  await company.api.setup()
  await company.control.settings({ seed })
  await breakCalls(company)

  await company.backUp()
  for (const person of people) await assertHeld(person)
  await changeMail(people)
  await company.backUp()
  await company.backUpUntilDeleted()
  for (const person of people) await assertHeld(person)

  for (const person of people.slice(0, RESTORED)) {
    const known: Known = await person.remember()
    const notStored = await notStoredOf(person)
    await person.loseEverything()
    const { result, verdict } = await person.restoreAndJudge(known, notStored)
    const { counts, totals } = result.job
    const outcomes = ['restored', 'skipped', 'refused', 'failed', 'unknown', 'pending']
    const sum = outcomes.reduce((total, name) => total + (counts[name] ?? 0), 0)
    assert.equal(sum, totals.items, 'the outcomes of a restore add up')
    assert.deepEqual([counts['failed'], counts['unknown'], counts['pending']], [0, 0, 0])
    assert.equal(verdict.missing, 0)
  }
  await assertEveryKindWasMet(company)
}

/** A share of all calls of all apps, and each kind at least once. */
async function breakCalls(company: Company): Promise<void> {
  const retryAfterSeconds = RETRY_AFTER_SECONDS
  await company.control.addFault({ path: '/v1.0/', action: 'mix', rate: RATE, retryAfterSeconds })
  for (const [n, action] of FAULT_KINDS.entries()) {
    const nth = (n + 1) * KIND_EVERY
    await company.control.addFault({ path: '/messages', method: 'GET', action, nth })
  }
}

async function assertEveryKindWasMet(company: Company): Promise<void> {
  const { faults } = await company.control.listFaults({})
  const met = new Set(faults.flatMap(({ hitsByAction }) => Object.keys(hitsByAction)))
  assert.deepEqual(
    FAULT_KINDS.filter((kind) => !met.has(kind)),
    [],
    'every kind of fault was met',
  )
}

/** Between two backups: mail comes, changes, moves and goes in every mailbox. */
async function changeMail(people: readonly Person[]): Promise<void> {
  for (const { company, address: user } of people) {
    const { messages } = await company.control.messages({ user, folder: 'inbox' })
    const [edited, moved, deleted] = messages.map(({ id }) => id)
    assert.ok(edited && moved && deleted)
    await company.control.edit({ user, message: edited, body: 'Edited between two backups' })
    await company.control.move({ user, message: moved, folder: 'archive' })
    await company.control.delete({ user, message: deleted, mode: 'hard' })
    await company.control.deliver({ user, folder: 'inbox', subject: 'Between two backups' })
  }
}

/** Everything is held, but what stands in the ledger with its reason. */
async function assertHeld(person: Person): Promise<void> {
  const { company, address } = person
  const lines = await person.ledger()
  for (const line of lines) assert.ok(line.reason !== '' && line.nextTry !== undefined)
  const truth = await company.truth(address)
  const held = await company.held(address)
  const missing = without(truth, held)
  assert.deepEqual(without(held, truth), [], 'nothing is held that is not there')
  assert.ok(
    missing.length <= lines.length,
    `${missing.length} missing, ${lines.length} in the ledger`,
  )
}

/** What is in `all` and not in `some`, each as often as it is there more. */
function without(all: readonly string[], some: readonly string[]): string[] {
  const open = new Map<string, number>()
  for (const one of some) open.set(one, (open.get(one) ?? 0) + 1)
  return all.filter((one) => {
    const count = open.get(one) ?? 0
    open.set(one, count - 1)
    return count <= 0
  })
}

/** Immutable ids of what only the ledger knows. */
async function notStoredOf(person: Person): Promise<string[]> {
  const ids = new Set((await person.ledger()).map(({ id }) => id))
  const { messages } = await person.snapshot()
  return messages
    .map(({ immutableId }) => immutableId)
    .filter((immutableId) => ids.has(keyHash(immutableId)))
}
