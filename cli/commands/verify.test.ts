/** holdfast vault verify as people run it. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, describe, type TestContext, test } from 'node:test'
import { type ContainerOptions, IDENTITIES, SimulatedStorage } from '../../sandbox/storage/index.ts'
import { serveBlobs } from '../../sandbox/storage/rest.ts'
import { memoryVault, never, registered } from '../../src/vault/testing/fixture.ts'
import { verifyProgressSchema } from '../../src/vault/verify/index.ts'
import {
  addCommit,
  namesOf,
  ownedVault,
  progressOf,
} from '../../src/vault/verify/testing/vaults.ts'
import { dump } from '../testing/dump.ts'
import { holdfast } from '../testing/run.ts'

const { on, owner, other } = await ownedVault()
const source = { blobs: on.store, keys: on.keys }
const clean = await dump({ after }, source, [owner, other])
const [pack = ''] = namesOf(on, new RegExp(`^packs/${owner}/`))

async function damaged(t: { after(clean: () => Promise<void>): void }) {
  const dumped = await dump(t, source, [owner, other])
  const path = join(dumped.vault, pack)
  const bytes = await readFile(path)
  bytes[1500] = (bytes[1500] ?? 0) ^ 1
  await writeFile(path, bytes)
  return dumped
}

const verify = (...args: string[]) => holdfast(['vault', 'verify', ...args])

describe('holdfast vault verify', () => {
  test('says verified only of what it opened', async () => {
    const full = await verify(...clean.options)
    assert.equal(full.code, 0, full.errors)
    assert.match(full.text, /^Verified: every segment was opened/m)
    assert.match(full.text, /^Versions and locks were not looked at/m)
    assert.match(full.text, /^When blobs were created was not looked at/m)
    const hashes = await verify('--vault', clean.vault)
    assert.equal(hashes.code, 0, hashes.errors)
    assert.match(hashes.text, /does not say "verified"/)
    const sample = await verify(...clean.options, '--sample', '50', '--json')
    assert.equal(sample.code, 0, sample.errors)
    assert.equal(JSON.parse(sample.text).outcome, 'sampled')
  })

  test('names what is damaged, and what to do, and ends with 1', async (t) => {
    const { options } = await damaged(t)
    const { code, text } = await verify(...options)
    assert.equal(code, 1)
    assert.match(text, /ERROR PackDamaged: A pack was changed[\s\S]*Bring the oldest version/)
    assert.match(text, new RegExp(`SegmentDamaged\\s+${owner}\\s+mail`))
    const { findings } = JSON.parse((await verify(...options, '--hashes', '--json')).text)
    assert.equal(findings.length, 1)
    assert.equal(findings[0].blob, pack)
    assert.equal((await verify(...options, '--owner', other)).code, 0)
  })

  test('goes on from its progress file, ends in the same report, and removes it', async (t) => {
    const { options, folder } = await damaged(t)
    const file = join(folder, 'progress.json')
    const json = ['--json', '--progress', file]
    const whole = await verify(...options, '--json')
    const points = await progressOf(
      { store: on.store, keys: on.keys },
      { openPercent: 100, seed: 's', copied: true },
    )
    const middle = points.find(({ at }) => at.step === 'chain' && at.end?.last?.seq === 1)
    await writeFile(file, JSON.stringify(middle))
    const rest = await verify(...options, ...json)
    assert.equal(rest.code, 1)
    const { plan: _seed, ...found } = JSON.parse(rest.text)
    const { plan: _other, ...expected } = JSON.parse(whole.text)
    assert.deepEqual(found, expected)
    assert.ok(!existsSync(file))
  })

  test('at Ctrl-C leaves a progress file behind from which it goes on', async (t) => {
    const many = memoryVault()
    await many.vault.prepare(never)
    const owners = []
    for (let n = 0; n < 80; n += 1) {
      const one = await registered(many.vault)
      await addCommit(many, one, undefined, 1)
      owners.push(one)
    }
    const dumped = await dump(t, { blobs: many.store, keys: many.keys }, owners)
    const file = join(dumped.folder, 'progress.json')
    const args = [...dumped.options, '--progress', file]
    const stopped = await holdfast(['vault', 'verify', ...args], (child) => {
      const timer = setInterval(() => {
        if (!existsSync(file)) return
        clearInterval(timer)
        child.kill('SIGINT')
      }, 5)
      child.once('close', () => clearInterval(timer))
    })
    assert.equal(stopped.code, 130, stopped.errors)
    assert.match(stopped.errors, /goes on from .*progress\.json/)
    const kept = verifyProgressSchema.parse(JSON.parse(await readFile(file, 'utf8')))
    assert.ok(kept.counts.owners < owners.length)
    const rest = await verify(...args, '--json')
    assert.equal(rest.code, 0, rest.errors)
    const { outcome, counts } = JSON.parse(rest.text)
    assert.deepEqual([outcome, counts.owners], ['verified', owners.length])
    assert.ok(!existsSync(file))
  })

  test('says what is wrong with how it was called', async (t) => {
    assert.equal((await verify('--vault', clean.vault, '--full')).code, 64)
    assert.equal((await verify(...clean.options, '--full', '--hashes')).code, 64)
    assert.equal((await verify(...clean.options, '--sample', '0')).code, 64)
    const locked = await verify(...clean.options, '--locked-days', '30')
    assert.equal(locked.code, 64)
    assert.match(locked.errors, /--locked-days/)
    assert.equal((await verify(...clean.options, '--owner', '0'.repeat(32))).code, 2)
    const { folder } = await dump(t, source, [])
    const file = join(folder, 'progress.json')
    await writeFile(file, '{"half":')
    const broken = await verify(...clean.options, '--progress', file)
    assert.equal(broken.code, 2)
    assert.match(broken.errors, /ProgressDamaged[\s\S]*Name another file/)
  })
})

describe('holdfast vault verify on a storage account', () => {
  const MONTHS_MS = 60 * 24 * 3_600_000

  /** The same vault in an account with versions, written blob by blob, each at its own time. */
  async function account(t: TestContext, lateMs: number) {
    const blobs: ContainerOptions = { policy: { days: 60, mode: 'Locked' } }
    const times = [...on.store.blobs.values()].map(({ createdAt }) => createdAt.getTime())
    const startMs = Math.min(...times) + lateMs
    const storage = new SimulatedStorage({ seed: 1, startMs, blobs })
    const all = [...on.store.blobs]
    // A copy is made in any order: the newest commit first.
    for (const [name, { bytes, createdAt }] of lateMs > 0 ? all.reverse() : all) {
      storage.clock.advance(Math.max(1000, createdAt.getTime() + lateMs - storage.clock.now()))
      storage.vault.create(IDENTITIES.writer, name, bytes)
    }
    const server = await serveBlobs(storage)
    t.after(() => server.close())
    const options = ['--account-connection', server.connectionString('restorer')]
    return { storage, options: [...options, '--keys', clean.keys] }
  }

  test('finds what a later version hides, and locks that end too early', async (t) => {
    const { storage, options } = await account(t, 0)
    storage.vault.overwrite(IDENTITIES.account, pack, Buffer.from('nothing'), { lock: 'none' })
    const { code, text } = await verify(...options)
    assert.equal(code, 1)
    assert.match(text, /ERROR OldestHidden: A later version hides/)
    assert.match(text, /WARNING LockShort/, 'by the clock of this machine they are over')
    assert.match(text, /^versions +\d+, 0 under a legal hold$/m)
    assert.doesNotMatch(text, /not looked at/)
  })

  test('reads a copy as a copy where that is said', async (t) => {
    const { options } = await account(t, MONTHS_MS)
    const forged = await verify(...options)
    assert.match(forged.text, /ERROR CommitVoid/)
    const copied = await verify(...options, '--copied')
    assert.equal(copied.code, 0, copied.errors)
    assert.match(copied.text, /^Versions and locks were not looked at/m)
    assert.match(copied.text, /^Verified/m)
    const locks = await verify(...options, '--copied', '--locked-days', '0')
    assert.match(locks.text, /^versions /m)
  })
})
