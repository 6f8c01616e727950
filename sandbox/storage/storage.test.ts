import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { streamContract } from '../../src/catalogue/testing/catalogue-contract.ts'
import { workContract } from '../../src/catalogue/testing/work-contract.ts'
import { hasCode } from '../../src/model/errors.ts'
import { parseOwnerId } from '../../src/model/ids.ts'
import type { TableOp } from '../../src/ports.ts'
import { vaultSuite } from '../../src/vault/testing/vault-suite.ts'
import {
  FAULTS,
  IDENTITIES,
  type IdentityName,
  ProcessDied,
  SimulatedStorage,
  type StorageOptions,
} from './index.ts'

const never = new AbortController().signal
const owner = parseOwnerId('0123456789abcdef0123456789abcdef')
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function account(options: Partial<StorageOptions> = {}): SimulatedStorage {
  const storage = new SimulatedStorage({ seed: 1, ...options })
  storage.tables.make()
  storage.queues.make()
  return storage
}

function opened(storage: SimulatedStorage, role: IdentityName = 'writer') {
  const process = storage.process(role)
  return { process, ...storage.open(role, process) }
}

const odd = { emptyPages: 0.3, shortPages: 0.3 }
const tables = (pages = {}) => opened(account({ pages })).tables

streamContract('the simulator', () => tables())
streamContract('the simulator, with empty and short pages', () => tables(odd))
workContract('the simulator', () => tables())
vaultSuite('the simulator', async () => {
  const storage = account({ startMs: Date.now() })
  return opened(storage).vault
})

describe('blobs', () => {
  test('a write by somebody with the right makes a new version, by the writer none', () => {
    const { vault } = account()
    vault.overwrite(IDENTITIES.writer, 'a', bytes('1'))
    assert.throws(() => vault.overwrite(IDENTITIES.writer, 'a', bytes('2')), {
      code: 'StorageDenied',
    })
    vault.overwrite(IDENTITIES.account, 'a', bytes('2'))
    assert.deepEqual(
      vault.versionsOf('a').map((version) => version.by),
      ['writer', 'account'],
    )
    assert.throws(() => vault.removeVersion(IDENTITIES.keeper, 'a', 0), {
      code: 'StorageDenied',
    })
    vault.removeVersion(IDENTITIES.expirer, 'a', 1)
    assert.equal(vault.versionsOf('a').length, 1)
  })

  test('a service creates in ops under its own prefix only, and the writer nowhere', async () => {
    const storage = account()
    const restorer = opened(storage, 'restorer').ops
    assert.equal((await restorer.create('restore/a', bytes('1'), never)).outcome, 'created')
    assert.equal((await restorer.create('verify/a', bytes('1'), never)).outcome, 'created')
    assert.equal((await restorer.create('keeper/a', bytes('1'), never)).outcome, 'refused')
    const writer = opened(storage).ops
    assert.equal((await writer.create('restore/b', bytes('1'), never)).outcome, 'refused')
  })

  test('a listing comes in byte order over several pages, each of them a call', async () => {
    const storage = account()
    const { vault, process } = opened(storage)
    const names = Array.from({ length: 12 }, (_, n) => `p/${String(n).padStart(2, '0')}`)
    for (const name of names.toReversed()) await vault.create(name, bytes(name), never)
    const before = process.calls
    const listed: string[] = []
    for await (const { name } of vault.list('p/', never)) listed.push(name)
    assert.deepEqual(listed, names)
    assert.equal(process.calls - before, 3)
  })
})

describe('identities', () => {
  test('only the restorer unwraps, and only the expirer erases keys', async () => {
    const storage = account()
    await opened(storage).keys.create(owner, never)
    for (const role of ['writer', 'reader', 'keeper', 'expirer'] as const) {
      const { keys } = opened(storage, role)
      await assert.rejects(keys.unwrap(owner, 'any', bytes(''), never), { code: 'KeyDenied' })
      assert.equal((await keys.indexSecret(owner, never)).length, 32)
    }
    for (const role of ['writer', 'reader', 'keeper', 'restorer'] as const) {
      const erased = opened(storage, role).keyRemoval.erase(owner, never)
      await assert.rejects(erased, { code: 'KeyDenied' })
    }
    const { purgedAt } = await opened(storage, 'expirer').keyRemoval.erase(owner, never)
    const { keys } = opened(storage)
    await assert.rejects(keys.indexSecret(owner, never), { code: 'KeyMissing' })
    await assert.rejects(keys.create(owner, never), { code: 'KeyMissing' })
    assert.ok(storage.keys.recover(owner, purgedAt.getTime() - 1), 'until they are purged')
    await keys.indexSecret(owner, never)
    const again = await opened(storage, 'expirer').keyRemoval.erase(owner, never)
    assert.ok(!storage.keys.recover(owner, again.purgedAt.getTime()), 'and not after it')
  })

  test('a queue takes messages of those who may send to it', async () => {
    const storage = account()
    await opened(storage).queues.send('backup-jobs', { run: '1' }, never)
    await assert.rejects(opened(storage).queues.send('restore-jobs', { job: '1' }, never), {
      code: 'QueuesDenied',
    })
    assert.deepEqual(storage.queues.messages('backup-jobs'), [{ run: '1' }])
  })
})

describe('a process', () => {
  test('that dies before a call leaves nothing of it, and is dead for good', async () => {
    const storage = account()
    const { vault, process } = opened(storage)
    process.crashBefore(2)
    await vault.create('a', bytes('1'), never)
    await assert.rejects(vault.create('b', bytes('1'), never), ProcessDied)
    await assert.rejects(vault.read('a', never), ProcessDied)
    assert.deepEqual(storage.vault.names(), ['a'])
  })

  test('that dies after a call leaves its effect and hears no answer', async () => {
    const storage = account()
    const { vault, process } = opened(storage)
    process.crashAfter(1)
    const calls = ['a', 'b'].map((name) => vault.create(name, bytes('1'), never))
    const outcomes = await Promise.allSettled(calls)
    assert.ok(outcomes.every((o) => o.status === 'rejected' && o.reason instanceof ProcessDied))
    assert.deepEqual(storage.vault.names(), ['a'])
  })

  test('that sleeps does nothing until it wakes, and what it sent lands then', async () => {
    const storage = account()
    const { vault, process } = opened(storage)
    const asleep = process.stallAt(1, 'before')
    const late = vault.create('a', bytes('late'), never)
    await asleep
    storage.clock.advance(3_600_000)
    const other = await opened(storage).vault.create('a', bytes('first'), never)
    assert.equal(other.outcome, 'created')
    process.resume()
    assert.equal((await late).outcome, 'refused')
  })

  test('may be killed in its sleep', async () => {
    const storage = account()
    const { vault, process } = opened(storage)
    const asleep = process.stallAt(1, 'before')
    const death = assert.rejects(vault.create('a', bytes('1'), never), ProcessDied)
    await asleep
    process.kill()
    await death
    assert.deepEqual(storage.vault.names(), [])
  })

  const effects = { lost: 0, applied: 1, twice: 1, throttled: 0 } as const
  for (const fault of FAULTS) {
    test(`meets a call that is ${fault}`, async () => {
      const storage = account()
      const { tables: store, process } = opened(storage)
      process.faultAt(1, fault)
      const insert: TableOp[] = [{ op: 'insert', row: 'r', values: { n: 1 } }]
      const call = store.batch('items', 'p', insert, never)
      // An SDK that sends an insert again meets its own first try.
      if (fault === 'twice') assert.equal((await call).outcome, 'conflict')
      else await assert.rejects(call, (error) => hasCode(error, 'TablesUnavailable'))
      assert.equal(storage.tables.rows('items').length, effects[fault])
      assert.equal(process.faultsMet, 1)
    })
  }
})

describe('one seed', () => {
  async function play(seed: number): Promise<string> {
    const storage = account({ seed, pages: odd })
    const { vault, tables: store, keys, process, random } = opened(storage)
    process.faultChance(0.3)
    await Promise.allSettled([keys.create(owner, never), vault.create('a', random.bytes(9), never)])
    for (let n = 0; n < 20; n += 1) {
      const ops: TableOp[] = [{ op: 'put', row: `r${n}`, values: { n } }]
      await Promise.allSettled([
        store.batch('items', 'p', ops, never),
        store.page('items', { partition: 'p' }, { max: 5 }, never),
      ])
    }
    const secret = Buffer.from((await opened(storage).keys.indexSecret(owner, never)) ?? [])
    return `${storage.trace.print()}\n${secret.toString('hex')}\n${storage.clock.now()}`
  }

  test('makes one run: the same trace, secrets and times', async () => {
    assert.equal(await play(5), await play(5))
    assert.notEqual(await play(5), await play(6))
  })

  test('a fork has the same state, and what happens to one does not happen to the other', async () => {
    const storage = account()
    await opened(storage).vault.create('a', bytes('1'), never)
    const fork = storage.fork()
    await opened(fork).vault.create('b', bytes('1'), never)
    assert.deepEqual([storage.vault.names(), fork.vault.names()], [['a'], ['a', 'b']])
    assert.equal(fork.clock.now() > storage.clock.now(), true)
  })
})
