/** holdfast vault verify as people run it. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
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
      { openPercent: 100, seed: 's' },
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
    assert.equal((await verify(...clean.options, '--owner', '0'.repeat(32))).code, 2)
    const { folder } = await dump(t, source, [])
    const file = join(folder, 'progress.json')
    await writeFile(file, '{"half":')
    const broken = await verify(...clean.options, '--progress', file)
    assert.equal(broken.code, 2)
    assert.match(broken.errors, /ProgressDamaged[\s\S]*Name another file/)
  })
})
