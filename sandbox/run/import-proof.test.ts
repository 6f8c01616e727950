import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import type { ControlClient } from '../tenant/index.ts'
import { folder, mailbox, message } from '../verdict/testing/mailbox.ts'
import type { ApiClient, LedgerLine, Resource } from './api-client.ts'
import { proveImport } from './import-proof.ts'

const RESOURCE: Resource = { id: 'r', name: 'Ann', address: 'ann@x', state: 'protected' }
const inbox = folder('inbox', null, { wellKnown: 'inbox' })

/** A product that holds these messages, by immutable id, with this MIME. */
function productWith(held: Readonly<Record<string, string>>, ledger: Partial<LedgerLine>[] = []) {
  const api = {
    containers: async () => [{ id: 'inbox', name: 'Inbox' }],
    items: async () => Object.keys(held).map((id) => ({ id, name: id })),
    content: async (_resource: string, id: string, as: 'mime' | 'json') =>
      Buffer.from(as === 'json' ? JSON.stringify({ id }) : (held[id] ?? '')),
    ledger: async () => ledger.map((line) => ({ reason: '', code: '', ...line })),
  }
  return api as unknown as ApiClient
}

/** A tenant that answered this MIME, twice, each time a little different. */
function tenantThatSaid(answers: Readonly<Record<string, string>>) {
  const mimeLog = async ({ message: id }: { message: string }) => ({
    answers: ['another rendering', answers[id] ?? ''].map((text) => {
      return { sha256: hash('sha256', text, 'hex'), bytes: text.length }
    }),
  })
  return { mimeLog } as unknown as ControlClient
}

const one = message('inbox', 'One')
const two = message('inbox', 'Two')
const snapshot = mailbox([inbox], [one, two])
const prove = (api: ApiClient, control: ControlClient) =>
  proveImport(api, control, [{ resource: RESOURCE, snapshot }])

test('everything stored, and each stream an answer of the tenant: proven', async () => {
  const mime = { [one.immutableId]: 'mime 1', [two.immutableId]: 'mime 2' }
  const proof = await prove(productWith(mime), tenantThatSaid(mime))
  assert.deepEqual([proof.ok, proof.stored, proof.mimeIdentical], [true, 2, 2])
})

test('one byte more than the tenant said is found', async () => {
  const mime = { [one.immutableId]: 'mime 1', [two.immutableId]: 'mime 2' }
  const changed = { ...mime, [two.immutableId]: 'mime 2\n' }
  const proof = await prove(productWith(changed), tenantThatSaid(mime))
  assert.deepEqual([proof.ok, proof.mimeDiffering], [false, [two.immutableId]])
})

test('a message that is not stored needs a ledger line of its own with a reason', async () => {
  const mime = { [one.immutableId]: 'mime 1' }
  const tenant = tenantThatSaid(mime)
  const line = { name: 'Two', reason: 'corrupt', code: 'ItemCorrupt' }
  const explained = await prove(productWith(mime, [line]), tenant)
  assert.deepEqual([explained.ok, explained.ledgerIds], [true, [two.immutableId]])
  const silent = await prove(productWith(mime, [{ ...line, reason: '' }]), tenant)
  assert.deepEqual([silent.ok, silent.unaccounted], [false, ['Two']])
})
