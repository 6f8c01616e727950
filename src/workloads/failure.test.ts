import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../model/errors.ts'
import { Blame, type ItemFailure, itemFailure, UNAVAILABLE_RUN_MAX } from './failure.ts'

function error(code: string, context: Record<string, string | number> = {}): AppError {
  return new AppError({ code, kind: 'transient', message: 'x', context })
}

const unavailable = error('GraphUnavailable', { status: 500 })
const isNew = { isKnown: false }

function failureOf(of: AppError): ItemFailure {
  const failure = itemFailure(of)
  assert.ok(failure)
  return failure
}

test('what concerns the mailbox, the network or us is no trouble of an item', () => {
  for (const one of [
    error('Throttled'),
    error('MailboxNotAvailable'),
    error('SignInRefused'),
    error('AccessDenied', { scope: 'owner' }),
    error('GraphUnavailable', { status: 0 }),
    new Error('x'),
  ]) {
    assert.equal(itemFailure(one), undefined, String(one))
  }
})

test('what is certainly the item’s own is believed however often it comes', () => {
  const blame = new Blame()
  for (let n = 0; n < 50; n += 1) blame.lay(failureOf(error('ItemCorrupt')), isNew)
})

test('too many unavailable in a row are the owner’s trouble, unless one between went well', () => {
  const blame = new Blame()
  const failure = failureOf(unavailable)
  for (let n = 0; n < UNAVAILABLE_RUN_MAX; n += 1) blame.lay(failure, isNew)
  blame.wentWell()
  for (let n = 0; n < UNAVAILABLE_RUN_MAX; n += 1) blame.lay(failure, isNew)
  assert.throws(() => blame.lay(failure, isNew), unavailable)
})

test('items of the ledger that fail once more are no news of the owner', () => {
  const blame = new Blame()
  const failure = failureOf(unavailable)
  for (let n = 0; n < 10; n += 1) blame.lay(failure, { isKnown: true })
  for (let n = 0; n < UNAVAILABLE_RUN_MAX; n += 1) blame.lay(failure, isNew)
})
