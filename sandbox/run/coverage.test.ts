import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { ApiClient, LedgerLine, Resource } from './api-client.ts'
import { coverageSentence, coverageText, readCoverage } from './coverage.ts'

const NEXT = '2026-03-08T10:00:00.000Z'

function resource(name: string, more: Partial<Resource> = {}): Resource {
  const coverage = { state: 'covered', completeAt: '2026-03-01T09:00:00.000Z', ledgerOpen: 0 }
  return { id: `id of ${name}`, name, address: '', state: 'protected', coverage, ...more }
}

function ledgerLine(reason: string, nextTry: string): LedgerLine {
  const place = { id: 'i', kind: 'item' as const, name: 'A secret subject', container: 'c' }
  return { ...place, reason, code: 'X', attempts: 1, nextTry }
}

const RESOURCES = [
  resource('Zoe'),
  resource('Ann', { coverage: { state: 'covered', ledgerOpen: 2 } }),
  resource('Bob', { coverage: { state: 'failing', trouble: 'GraphRefused', ledgerOpen: 0 } }),
  resource('Kim', { state: 'no-content', reason: 'MailboxNotEnabledForRESTAPI' }),
  resource('Eve', { coverage: { state: 'a-state-of-tomorrow', ledgerOpen: 0 } }),
]
const API: Pick<ApiClient, 'resources' | 'ledger'> = {
  resources: () => Promise.resolve(RESOURCES),
  ledger: () =>
    Promise.resolve([
      ledgerLine('corrupt', '2026-03-09T10:00:00.000Z'),
      ledgerLine('unavailable', NEXT),
    ]),
}
const lines = await readCoverage(API)
const rows = stripVTControlCharacters(coverageText(lines)).split('\n')
const row = (name: string) => rows.find((each) => each.trim().startsWith(name)) ?? ''

test('every account has a row, by name, with its state in words and the code of its trouble', () => {
  const names = rows.slice(2).map((each) => each.trim().split(' ')[0])
  assert.deepEqual(names, ['Ann', 'Bob', 'Eve', 'Kim', 'Zoe'])
  assert.match(row('Zoe'), /covered {2,}\d\d:\d\d:\d\d {2,}-$/)
  assert.match(row('Bob'), /failing \(GraphRefused\)/)
  assert.match(row('Kim'), /no mailbox \(MailboxNotEnabledForRESTAPI\)/)
  assert.match(row('Eve'), /a-state-of-tomorrow/)
})

test('what could not be stored is counted by reason with its next try, and never named', () => {
  assert.match(row('Ann'), /1 corrupt, 1 unavailable, next try 8 Mar/)
  assert.doesNotMatch(rows.join('\n'), /secret/)
  assert.equal(coverageSentence(lines), '2 of 5 accounts covered; 2 items in the ledger')
})

test('a whole folder that could not be read is not counted as one item', async () => {
  const folder: LedgerLine = { ...ledgerLine('corrupt', NEXT), kind: 'container' }
  const api: typeof API = {
    resources: () =>
      Promise.resolve([resource('Ann', { coverage: { state: 'partial', ledgerOpen: 2 } })]),
    ledger: () => Promise.resolve([folder, ledgerLine('corrupt', NEXT)]),
  }
  const partial = await readCoverage(api)
  assert.match(stripVTControlCharacters(coverageText(partial)), /1 folder corrupt, 1 corrupt, next/)
  assert.match(coverageSentence(partial), /; 1 whole folder and 1 item in the ledger$/)
})
