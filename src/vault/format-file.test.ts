/** format.json: written once, and a container that holds something else is left alone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../model/errors.ts'
import { checkFormat, ensureFormat, hasFormat } from './format-file.ts'
import { FORMAT_FILE } from './names.ts'
import { memoryVault, never, random, type TestVault } from './testing/fixture.ts'

const ensure = ({ store, clock }: TestVault) =>
  ensureFormat({ vault: store, clock, random, toolVersion: 'holdfast/test' }, never)

const textOf = ({ store }: TestVault): string =>
  Buffer.from(store.blobs.get(FORMAT_FILE)?.bytes ?? assert.fail('there is one')).toString()

function put({ store }: TestVault, text: string): void {
  store.blobs.set(FORMAT_FILE, { bytes: Buffer.from(text), createdAt: new Date(0) })
}

const unknown = (error: unknown): boolean => {
  assert.ok(error instanceof AppError)
  assert.deepEqual([error.code, error.kind], ['FormatUnknown', 'permanent'])
  return true
}

test('an empty container gets one, which says the format, the vault, the time and the tool', async () => {
  const on = memoryVault()
  assert.equal(await hasFormat(on.store, never), false)
  await ensure(on)
  const { vault, ...rest } = JSON.parse(textOf(on))
  assert.match(vault, /^[0-9a-f]{32}$/)
  const createdAt = '2026-03-01T10:00:00.500Z'
  assert.deepEqual(rest, { holdfast: 1, createdAt, tool: 'holdfast/test' })
  assert.equal(await hasFormat(on.store, never), true)
})

test('one that is there is kept, and nothing is sent', async () => {
  const on = memoryVault()
  await ensure(on)
  const first = textOf(on)
  await ensure(on)
  assert.equal(textOf(on), first)
  assert.deepEqual(on.store.creates, [FORMAT_FILE])
})

test('of two who write it at once one wins, and both are content', async () => {
  const on = memoryVault()
  on.store.beforeCreate = async () => {
    on.store.beforeCreate = undefined
    await ensure(on)
  }
  await ensure(on)
  assert.equal(on.store.creates.length, 2)
  assert.equal(await hasFormat(on.store, never), true)
})

test('who comes second to something else is told so', async () => {
  const on = memoryVault()
  on.store.beforeCreate = async () => put(on, '{"holdfast":2,"vault":"another"}')
  await assert.rejects(ensure(on), unknown)
})

for (const [what, text] of [
  ['no JSON', 'a text'],
  ['of another tool', '{"version":1}'],
  ['of a later format', '{"holdfast":2,"vault":"another"}'],
  ['of no format', '{"holdfast":0,"vault":"another"}'],
  ['without its vault', '{"holdfast":1}'],
] as const) {
  test(`a format.json that is ${what} is refused, and stays`, async () => {
    const on = memoryVault()
    put(on, text)
    await assert.rejects(hasFormat(on.store, never), unknown)
    await assert.rejects(ensure(on), unknown)
    assert.throws(() => checkFormat(Buffer.from(text)), unknown)
    assert.equal(textOf(on), text)
    assert.deepEqual(on.store.creates, [])
  })
}
