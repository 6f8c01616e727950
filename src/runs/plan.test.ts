import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Owner } from '../catalogue/types.ts'
import { type GraphId, keyHash, parseOwnerId } from '../model/ids.ts'
import { planOwners } from './plan.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')

function owner(n: number, changes: Partial<Owner> = {}): Owner {
  return {
    owner: parseOwnerId(String(n).padStart(32, '0')),
    resource: keyHash(`user-${n}`),
    graphId: `user-${n}` as GraphId,
    workloads: ['mail'],
    dueAt: '2026-11-21T11:00:00Z',
    coverage: 'waiting',
    trouble: '',
    attempts: 0,
    ledgerOpen: 0,
    ...changes,
  }
}

const protect = (owners: Owner[]) => new Set(owners.map((o) => o.resource))

test('a scheduled run takes the protected owners that are due, and nobody else', () => {
  const due = owner(1)
  const later = owner(2, { dueAt: '2026-11-21T13:00:00Z' })
  const unprotected = owner(3)
  const plan = planOwners({
    run: { kind: 'scheduled', resources: [] },
    owners: [due, later, unprotected],
    protectedResources: protect([due, later]),
    now: NOW,
  })
  assert.deepEqual(
    plan.map((e) => e.owner),
    [due.owner],
  )
})

test('a run that a person asked for takes what it names, due or not', () => {
  const one = owner(1, { dueAt: '2026-11-22T00:00:00Z' })
  const two = owner(2)
  const ask = (resources: Owner['resource'][]) =>
    planOwners({
      run: { kind: 'asked', resources },
      owners: [one, two],
      protectedResources: protect([one, two]),
      now: NOW,
    }).map((e) => e.owner)
  assert.deepEqual(ask([one.resource]), [one.owner])
  assert.equal(ask([]).length, 2)
})

test('owners that have a copy go before first copies, and who waited longest goes first', () => {
  const fresh = owner(1)
  const completeAt = '2026-11-20T00:00:00Z'
  const waited = owner(2, { dueAt: '2026-11-20T06:00:00Z', completeAt })
  const recent = owner(3, { dueAt: '2026-11-21T06:00:00Z', completeAt })
  const away = owner(4, { dueAt: '2026-11-21T07:00:00Z', completeAt: '2026-11-01T00:00:00Z' })
  const plan = planOwners({
    run: { kind: 'scheduled', resources: [] },
    owners: [fresh, away, recent, waited],
    protectedResources: protect([fresh, away, recent, waited]),
    now: NOW,
  })
  assert.deepEqual(
    plan.map((e) => e.owner),
    [waited.owner, recent.owner, away.owner, fresh.owner],
  )
})
