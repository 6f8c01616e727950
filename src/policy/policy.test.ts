import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyHash } from '../model/ids.ts'
import { DEFAULT_POLICY, protects } from './policy.ts'

const ann = { key: keyHash('ann'), addresses: ['Ann@contoso.example'] }

test('the default policy protects everybody', () => {
  assert.equal(protects(DEFAULT_POLICY, ann), true)
})

test('what is excluded is not protected, whatever else names it', () => {
  const policy = {
    ...DEFAULT_POLICY,
    include: [...ann.addresses],
    exclude: ['ANN@contoso.example'],
  }
  assert.equal(protects(policy, ann), false)
})

test('a listed policy protects only what it names, by address or by key', () => {
  const listed = { ...DEFAULT_POLICY, mode: 'listed' as const }
  assert.equal(protects(listed, ann), false)
  assert.equal(protects({ ...listed, include: [ann.key] }, ann), true)
  assert.equal(protects({ ...listed, include: ['ann@contoso.example'] }, ann), true)
})
