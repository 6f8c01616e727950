/** What only versions and locks show, on the storage simulator with all its identities. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { before, describe, test } from 'node:test'
import {
  type ContainerOptions,
  DAY_MS,
  IDENTITIES,
  type IdentityName,
  SimulatedStorage,
} from '../../../sandbox/storage/index.ts'
import { AppError } from '../../model/errors.ts'
import type { BlobVersions } from '../../ports.ts'
import { vaultOn } from '../testing/fixture.ts'
import { reportOf, type VerifyPlan, type VerifyReport, verifyVault } from './index.ts'
import { verifyProgressSchema } from './progress.ts'
import { codesOf, FULL, fillVault, HASHES, progressOf, verify } from './testing/vaults.ts'

const { account, writer } = IDENTITIES
const never = new AbortController().signal

async function made(blobs: ContainerOptions) {
  const storage = new SimulatedStorage({ seed: 1, blobs })
  const { vault: store, keys } = storage.open('writer', storage.process('writer'))
  const { clock } = storage
  const vault = vaultOn({ store, keys, clock, packBytes: 64 * 1024 })
  return { storage, ...(await fillVault({ vault, clock })) }
}

async function makeAll() {
  return {
    locked: await made({ policy: { days: 60, mode: 'Locked' } }),
    unlocked: await made({ policy: { days: 60, mode: 'Unlocked' } }),
    plain: await made({}),
  }
}

let vaults: Awaited<ReturnType<typeof makeAll>>

before(async () => {
  vaults = await makeAll()
})

/** Each test has a copy of its own. */
function written(policy: keyof typeof vaults = 'locked') {
  const { owner, ...from } = vaults[policy]
  const storage = from.storage.fork()
  const open = (role: IdentityName) => storage.open(role, storage.process(role))
  return { storage, open, owner }
}
type Written = ReturnType<typeof written>

/** As the identity that opens, which has no right but to read and to unwrap. */
function depsOf({ open }: Written) {
  const { vault: store, keys, locks } = open('restorer')
  return { store, keys, versions: locks.vault as BlobVersions }
}

/** Locked for 30 more days, and for no more than 400. */
function planOf({ storage }: Written, plan: VerifyPlan = FULL): VerifyPlan {
  const after = (days: number) => new Date(storage.clock.now() + days * DAY_MS).toISOString()
  return { ...plan, locks: { until: after(30), most: after(400) } }
}

const verified = (on: Written, plan?: VerifyPlan) => verify(depsOf(on), planOf(on, plan))

function nameOf({ storage, owner }: Written, ending: RegExp): string {
  const name = storage.vault.names().find((n) => n.includes(owner) && ending.test(n))
  assert.ok(name, `a blob ${ending}`)
  return name
}

/** Some seconds later, so that its creation time is another one; without a lock. */
function overwrite({ storage }: Written, name: string, bytes: Uint8Array): void {
  storage.clock.advance(10_000)
  storage.vault.overwrite(account, name, bytes, { lock: 'none' })
}

function bytesOf({ storage }: Written, name: string): Uint8Array {
  const [oldest] = storage.vault.versionsOf(name)
  assert.ok(oldest, name)
  return oldest.bytes
}

/** What is said of one blob, by its code and how grave it is. */
function saidOf({ findings }: VerifyReport, blob: string): string[] {
  return findings.filter((f) => f.blob === blob).map((f) => `${f.severity} ${f.code}`)
}

const KINDS = {
  'format.json': /^format\.json$/,
  'an owner record': /^owners\/.*\/1\.json$/,
  'a commit': /0000000002\/commit\.json$/,
  'the newest commit': /0000000005\/commit\.json$/,
  'a part': /\.mf$/,
  'an index of a pack': /\.ix$/,
  'a pack': /\.pk$/,
  'the index of a base': /\.bi$/,
  'a part of a base': /\.bs$/,
}

const nameOfKind = (on: Written, kind: RegExp) =>
  kind.test('format.json') ? 'format.json' : nameOf(on, kind)

describe('a vault under a locked policy', () => {
  test('is verified with its versions and locks, and every blob of it was looked at', async () => {
    const on = written()
    const report = await verified(on)
    assert.deepEqual(report.findings, [])
    assert.equal(report.outcome, 'verified')
    assert.equal(report.counts.versions, on.storage.vault.names().length)
    const hashes = await verified(on, HASHES)
    assert.deepEqual([hashes.findings, hashes.outcome], [[], 'hashes'])
    const { keys: _, ...keyless } = depsOf(on)
    assert.deepEqual((await verify(keyless, planOf(on, HASHES))).findings, [])
  })

  test('has its legal holds counted, and they are no finding', async () => {
    const on = written()
    for (const kind of [KINDS['a pack'], KINDS['a commit']]) {
      const name = nameOf(on, kind)
      const [version] = on.storage.vault.versionsOf(name)
      await on.open('keeper').locks.vault.setHold(name, version?.id ?? '', true, never)
    }
    const report = await verified(on)
    assert.deepEqual([report.outcome, report.counts.held], ['verified', 2])
  })
})

describe('a second version', () => {
  for (const [kind, pattern] of Object.entries(KINDS)) {
    test(`that hides ${kind} is found, and that the oldest is whole`, async () => {
      const on = written()
      const name = nameOfKind(on, pattern)
      const other = Buffer.from(bytesOf(on, name))
      const at = kind === 'format.json' ? other.indexOf('"vault"') + 11 : other.length >> 1
      other[at] = other[at] === 0x61 ? 0x62 : 0x61
      overwrite(on, name, other)
      assert.deepEqual(
        saidOf(await verified(on), name).filter((said) => /Oldest|Current|Lock/.test(said)),
        ['error OldestHidden'],
      )
    })

    test(`with the same bytes hides nothing of ${kind}, and somebody should look`, async () => {
      const on = written()
      const name = nameOfKind(on, pattern)
      overwrite(on, name, bytesOf(on, name))
      assert.deepEqual(saidOf(await verified(on), name), ['warning SecondVersion'])
    })

    test(`that was deleted by name leaves ${kind} without a current one`, async () => {
      const on = written()
      const name = nameOfKind(on, pattern)
      overwrite(on, name, randomBytes(10))
      on.storage.vault.deleteBlob(account, name)
      const said = saidOf(await verified(on), name)
      assert.ok(said.includes('error CurrentMissing'), said.join())
    })
  }

  test('that is whole over an oldest one that is not: somebody wrote there first', async () => {
    const on = written()
    const name = nameOf(on, KINDS['a pack']).replace(/[0-9a-f]{64}/, 'ab'.repeat(32))
    on.storage.vault.create(writer, name, randomBytes(100))
    overwrite(on, name, randomBytes(100))
    assert.deepEqual(saidOf(await verified(on), name).sort(), [
      'notice PackDamaged',
      'notice PackDamaged',
      'notice PackUnnamed',
      'warning OldestDamaged',
    ])
  })

  test('of what no commit names is nothing grave, and one that is gone there is none at all', async () => {
    const on = written('plain')
    const left = nameOf(on, KINDS['a pack']).replace(/[0-9a-f]{64}/, 'cd'.repeat(32))
    on.storage.vault.create(writer, left, randomBytes(100))
    on.storage.vault.deleteBlob(account, left)
    assert.deepEqual(saidOf(await verified(on), left), ['notice CurrentMissing'])
  })

  test('all names of an owner deleted: the owner is still found', async () => {
    const on = written('plain')
    for (const name of on.storage.vault.names()) {
      if (name.includes(on.owner)) on.storage.vault.deleteBlob(account, name)
    }
    const report = await verified(on)
    const missing = report.findings.filter((f) => f.code === 'CurrentMissing')
    assert.equal(report.counts.owners, 2)
    const graves = missing.filter((f) => f.severity === 'error').map((f) => f.blob ?? '')
    assert.equal(graves.filter((name) => name.endsWith('commit.json')).length, 5)
    assert.ok(graves.some((name) => name.startsWith(`owners/${on.owner}/`)))
  })
})

describe('locks', () => {
  const needed = ({ storage }: Written) => storage.vault.names().length

  test('that are missing are named for everything that is needed', async () => {
    const on = written('plain')
    const left = nameOf(on, KINDS['a pack']).replace(/[0-9a-f]{64}/, 'cd'.repeat(32))
    const count = needed(on)
    on.storage.vault.create(writer, left, randomBytes(100))
    const report = await verified(on)
    assert.deepEqual(report.found, { LockMissing: count, PackUnnamed: 1, PackDamaged: 2 })
    assert.deepEqual(codesOf(report), ['LockMissing'])
  })

  test('that can be taken away again protect nothing', async () => {
    const on = written('unlocked')
    assert.deepEqual((await verified(on)).found, { LockOpen: needed(on) })
  })

  test('that end nearer than planned are named, until somebody extends them', async () => {
    const on = written()
    on.storage.clock.advance(29 * DAY_MS)
    assert.deepEqual((await verified(on)).findings, [])
    on.storage.clock.advance(2 * DAY_MS)
    const late = await verified(on)
    assert.deepEqual(late.found, { LockShort: needed(on) })
    const { locks } = on.open('keeper')
    const until = new Date(on.storage.clock.now() + 60 * DAY_MS)
    for (const name of on.storage.vault.names()) {
      for (const { id } of on.storage.vault.versionsOf(name)) {
        await locks.vault.lockUntil(name, id, until, never)
      }
    }
    assert.deepEqual((await verified(on)).findings, [])
  })

  test('that end years after the plan are an attack on cost, also where nobody needs them', async () => {
    const on = written()
    const left = nameOf(on, KINDS['a pack']).replace(/[0-9a-f]{64}/, 'cd'.repeat(32))
    on.storage.vault.create(writer, left, randomBytes(100))
    const until = new Date(on.storage.clock.now() + 5000 * DAY_MS)
    const names = [nameOf(on, KINDS['a pack']), left, 'format.json']
    for (const name of names) {
      const [version] = on.storage.vault.versionsOf(name)
      await on.open('keeper').locks.vault.lockUntil(name, version?.id ?? '', until, never)
    }
    const report = await verified(on)
    assert.equal(report.found.LockLong, 3)
    const long = report.findings.filter(({ code }) => code === 'LockLong')
    assert.deepEqual(
      long.map(({ blob, count = 1 }) => [blob, count]),
      [
        ['format.json', 1],
        [names.slice(0, 2).sort()[0], 2],
      ],
      'one place for each owner',
    )
  })
})

describe('versions', () => {
  test('that the account does not keep are told of, and the rest is verified', async () => {
    const on = written()
    const versions: BlobVersions = {
      // biome-ignore lint/correctness/useYield: the listing fails before its first entry.
      async *versions() {
        throw new AppError({ code: 'VersionsMissing', kind: 'permanent', message: 'None.' })
      },
      readVersion: async () => undefined,
    }
    const deps = { ...depsOf(on), versions }
    const report = await verify(deps, planOf(on))
    assert.deepEqual([codesOf(report), report.outcome], [['VersionsNotKept'], 'findings'])
    assert.equal(report.counts.opened, report.counts.segments)
    const points = await progressOf(deps, planOf(on))
    for (const point of points) {
      assert.deepEqual(reportOf(await verifyVault(deps, point, {}, never)).found, report.found)
    }
  })

  test('are not looked at where nobody asks, and asking without a container is a defect', async () => {
    const on = written('plain')
    const { versions: _, ...deps } = depsOf(on)
    const report = await verify(deps)
    assert.deepEqual([report.findings, report.counts.versions], [[], 0])
    await assert.rejects(verify(deps, planOf(on)), /who asks for locks/)
  })

  test('end in the same report from wherever a verification goes on', async () => {
    const on = written()
    overwrite(on, nameOf(on, KINDS['a pack']), randomBytes(10))
    overwrite(on, nameOf(on, KINDS['a part']), randomBytes(10))
    on.storage.clock.advance(31 * DAY_MS)
    const points = await progressOf(depsOf(on), planOf(on))
    const whole = reportOf(points.at(-1) ?? assert.fail('there is a last one'))
    assert.ok(points.filter(({ at }) => at.step === 'versions').length > 8)
    for (const point of points) {
      const parsed = verifyProgressSchema.parse(JSON.parse(JSON.stringify(point)))
      const end = await verifyVault(depsOf(on), parsed, {}, never)
      assert.deepEqual(reportOf(end), whole, JSON.stringify(point.at))
    }
  })
})

describe('in the key store', () => {
  const KEYS: Record<string, { spoil(on: Written): void; codes: string[] }> = {
    'another key under the same name is noticed by its fingerprint, and opens nothing': {
      spoil: ({ storage, owner }) => storage.keys.swap(owner),
      codes: ['KeyCannotOpen', 'KeyReplaced'],
    },
    'a disabled key is noticed': {
      spoil: ({ storage, owner }) => storage.keys.disable(owner),
      codes: ['KeyDisabled'],
    },
    'a deleted key is noticed, and the index secret with it': {
      spoil: ({ storage, owner }) => {
        const expirer = storage.open('expirer', storage.process('expirer'))
        void expirer.keyRemoval.erase(owner, never)
      },
      codes: ['IndexSecretMissing', 'KeyMissing'],
    },
  }
  for (const [name, { spoil, codes }] of Object.entries(KEYS)) {
    test(name, async () => {
      const on = written()
      spoil(on)
      for (const plan of [FULL, HASHES]) {
        const report = await verified(on, plan)
        assert.deepEqual(codesOf(report), codes)
        assert.ok(report.findings.every(({ owner }) => owner === on.owner))
      }
    })
  }
})
