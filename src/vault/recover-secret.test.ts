/** The index secret of an owner, from commits and the owner's key alone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError, hasCode } from '../model/errors.ts'
import type { OwnerId } from '../model/ids.ts'
import { commitName } from './names.ts'
import { recoverIndexSecret } from './recover-secret.ts'
import { contentOf, memoryVault, never, registered, type TestVault } from './testing/fixture.ts'

const COMMITS = 3

/** An owner with commits whose secret store is lost. */
async function lost() {
  const on = memoryVault()
  const owner = await registered(on.vault)
  const mail = await on.vault.stream(owner, 'mail', never)
  const secret = Buffer.from(mail.secret)
  let last: { seq: number; hash: string; time: string } | undefined
  for (let n = 0; n < COMMITS; n += 1) {
    on.clock.advance(60_000)
    const result = await mail.begin(last).commit(contentOf([]), { complete: true }, never)
    assert.ok(result.outcome === 'committed')
    last = result.commit
  }
  on.keys.loseSecret(owner)
  on.keys.unwraps = 0
  return { on, owner, secret }
}

interface Lost {
  on: TestVault
  owner: OwnerId
}

const recovered = async ({ on, owner }: Lost) =>
  Buffer.from(await recoverIndexSecret({ vault: on.store, keys: on.keys }, owner, never))

function spoil({ on, owner }: Lost, seq: number, how: (text: string) => string): void {
  const name = commitName({ owner, workload: 'mail' }, seq)
  const blob = on.store.blobs.get(name) ?? assert.fail(`there is a commit ${seq}`)
  on.store.blobs.set(name, { ...blob, bytes: Buffer.from(how(`${Buffer.from(blob.bytes)}`)) })
}

const foreign = (key: string) => (text: string) => text.replace(/memory\/\w+\/1/, key)
const coded = (code: string, kind: string) => (error: unknown) =>
  error instanceof AppError && error.code === code && error.kind === kind

test('is that of the first commit, and no other is read', async () => {
  const world = await lost()
  assert.deepEqual(await recovered(world), world.secret)
  assert.equal(world.on.keys.unwraps, 1)
})

test('is that of the next commit where one is damaged', async () => {
  const world = await lost()
  spoil(world, 1, (text) => text.slice(0, -20))
  spoil(world, 2, () => '')
  assert.deepEqual(await recovered(world), world.secret)
  assert.equal(world.on.keys.unwraps, 1)
})

test('is never what a commit carries that does not open with it', async () => {
  const world = await lost()
  spoil(world, 1, (text) => {
    const file = JSON.parse(text)
    const body = Buffer.from(file.body, 'base64')
    body[40] = (body[40] ?? 0) ^ 1
    return JSON.stringify({ ...file, body: body.toString('base64') })
  })
  assert.deepEqual(await recovered(world), world.secret)
  assert.equal(world.on.keys.unwraps, 2)
})

test('is that of another commit where one names a key that is not the owner’s', async () => {
  const world = await lost()
  spoil(world, 1, foreign('memory/elsewhere/1'))
  assert.deepEqual(await recovered(world), world.secret)
})

test('is looked for under each key once: commits that name a key that is not there are passed over', async () => {
  const world = await lost()
  for (const seq of [1, 2, 3]) spoil(world, seq, foreign('memory/elsewhere/1'))
  await assert.rejects(recovered(world), (error: unknown) => hasCode(error, 'KeyMissing'))
  assert.equal(world.on.keys.unwraps, 1)
})

test('cannot be had without the key, whatever else is damaged', async () => {
  const world = await lost()
  spoil(world, 3, () => 'no commit')
  world.on.keys.erase(world.owner)
  await assert.rejects(recovered(world), (error: unknown) => hasCode(error, 'KeyMissing'))
})

test('is lost where no commit is sound, and the error names the owner', async () => {
  const world = await lost()
  for (const seq of [1, 2, 3]) spoil(world, seq, () => 'no commit')
  await assert.rejects(recovered(world), (error: unknown) => {
    assert.ok(coded('IndexSecretLost', 'permanent')(error))
    assert.deepEqual((error as AppError).context, { owner: world.owner })
    return true
  })
  assert.equal(world.on.keys.unwraps, 0)
})

test('who may not unwrap is told so at once', async () => {
  const world = await lost()
  world.on.keys.mayUnwrap = false
  await assert.rejects(recovered(world), (error: unknown) => {
    assert.ok(error instanceof AppError)
    assert.equal(error.kind, 'denied')
    return true
  })
  assert.equal(world.on.keys.unwraps, 1)
})

test('blobs beside the commits, of a workload that nobody knows and of bases, are not taken for commits', async () => {
  const world = await lost()
  const [bytes, createdAt] = [Buffer.from('something'), new Date(0)]
  for (const name of [
    `c/${world.owner}/letters/0000000001/commit.json`,
    `c/${world.owner}/mail/0000000000/${'0'.repeat(64)}.bi`,
    `c/${world.owner}/aside`,
  ]) {
    world.on.store.blobs.set(name, { bytes, createdAt })
  }
  assert.deepEqual(await recovered(world), world.secret)
})
