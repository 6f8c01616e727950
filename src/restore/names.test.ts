import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NameRules } from '../workloads/workload.ts'
import { FolderNames } from './names.ts'

const rules: NameRules = {
  key: (name) => name.toLowerCase(),
  problem: () => undefined,
  copy: (name, day, n) => `${name} ${day} ${n}`,
}
const name = fc.constantFrom('a', 'A', 'b', 'a d 1', 'A D 2', 'c')

test('no name is given out twice, and none that stands there', () => {
  fc.assert(
    fc.property(fc.array(name), fc.array(fc.tuple(name, fc.boolean())), (there, asked) => {
      const names = new FolderNames(rules, 'd', there)
      const given = asked.map(([one, asCopy]) => (asCopy ? names.giveCopy(one) : names.give(one)))
      const keys = given.map(rules.key)
      assert.equal(new Set(keys).size, keys.length)
      const taken = new Set(there.map(rules.key))
      assert.ok(keys.every((key) => !taken.has(key)))
    }),
  )
})

test('a name that is free is given as it is', () => {
  const names = new FolderNames(rules, 'd', ['a'])
  assert.equal(names.give('B'), 'B')
  assert.equal(names.give('b'), 'b d 1')
  assert.equal(names.give('A'), 'A d 1')
})
