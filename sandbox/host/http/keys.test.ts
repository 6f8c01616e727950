import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { HostKeys } from './keys.ts'

test('keys are made once and kept', () => {
  const database = new DatabaseSync(':memory:')
  const first = new HostKeys(database, {})
  const again = new HostKeys(database, {})
  assert.equal(again.master, first.master)
  assert.equal(again.functionKey('List'), first.functionKey('list'))
  const all = [first.master, first.host, first.system, first.functionKey('list')]
  assert.equal(new Set(all).size, all.length)
})

test('each level opens to its own keys and to the master key', () => {
  const keys = new HostKeys(new DatabaseSync(':memory:'), {})
  const own = keys.functionKey('list')
  const opens = (given: string | undefined): boolean[] => [
    keys.opensFunction('anonymous', 'list', given),
    keys.opensFunction('function', 'list', given),
    keys.opensFunction('admin', 'list', given),
    keys.opensWebhooks(given),
  ]
  assert.deepEqual(opens(undefined), [true, false, false, false])
  assert.deepEqual(opens(''), [true, false, false, false])
  assert.deepEqual(opens(own), [true, true, false, false])
  assert.deepEqual(opens(keys.functionKey('other')), [true, false, false, false])
  assert.deepEqual(opens(keys.host), [true, true, false, false])
  assert.deepEqual(opens(keys.system), [true, false, false, true])
  assert.deepEqual(opens(keys.master), [true, true, true, true])
})

test('the environment gives a key, and what was made before comes back without it', () => {
  const database = new DatabaseSync(':memory:')
  const made = new HostKeys(database, {}).host
  const given = new HostKeys(database, {
    'host.function.default': 'own',
    'functions.list.default': 'l',
  })
  assert.equal(given.host, 'own')
  assert.equal(given.functionKey('list'), 'l')
  assert.equal(new HostKeys(database, {}).host, made)
})
