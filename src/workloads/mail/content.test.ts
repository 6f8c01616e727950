import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mailboxOf } from '../../graph/index.ts'
import { graphError, graphOn, json, type Step, scripted } from '../../graph/testing/scripted.ts'
import { hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import { presentMessage } from './changes.ts'
import { createContentReader } from './content.ts'

const signal = new AbortController().signal

function contentOn(...steps: Step[]) {
  const { transport, seen } = scripted(...steps)
  return { content: createContentReader(mailboxOf(graphOn(transport).graph, 'u')), seen }
}

function item(fields: Record<string, unknown> = {}) {
  return presentMessage({ id: 'm', ...fields }, 'f' as GraphId)
}

async function text(bytes: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes ?? []) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}

test('MIME is handed on byte for byte, long or short', async () => {
  const long = Buffer.alloc(3_000_000, 'Subject: x\r\n')
  const { content } = contentOn(
    () => new Response(long),
    () => new Response('Subject: y\r\n\r\n'),
  )
  for (const expected of [long.toString('latin1'), 'Subject: y\r\n\r\n']) {
    const outcome = await content.fetch(item(), signal)
    assert.ok(outcome.outcome === 'content')
    assert.deepEqual(
      outcome.parts.map(({ name }) => name),
      ['mime'],
    )
    assert.ok((await text(outcome.parts[0]?.bytes)) === expected)
  }
})

test('attachments are asked for by name, unless the JSON names them', async () => {
  const mime = 'Content-Disposition: attachment\r\n\r\nhello'
  const list = [{ '@odata.type': '#microsoft.graph.referenceAttachment', id: '1', name: 'link' }]
  const { content, seen } = contentOn(
    () => json({ value: list }),
    () => new Response(mime),
    () => new Response(mime),
    () => new Response(mime),
  )
  // Also where the MIME shows one: a link beside it would be lost.
  const asked = await content.fetch(item({ hasAttachments: true }), signal)
  assert.ok(asked.outcome === 'content')
  assert.equal(await text(asked.parts[0]?.bytes), mime)
  assert.deepEqual(JSON.parse(await text(asked.parts[1]?.bytes)), list)
  for (const known of [{ hasAttachments: true, attachments: list }, { hasAttachments: false }]) {
    const outcome = await content.fetch(item(known), signal)
    assert.ok(outcome.outcome === 'content' && outcome.parts.length === 1)
    await text(outcome.parts[0]?.bytes)
  }
  assert.equal(seen.length, 4)
})

test('where the attachments cannot be listed, no stream is begun', async () => {
  const { content, seen } = contentOn(() => graphError(403, 'ErrorAccessDenied'))
  const outcome = await content.fetch(item({ hasAttachments: true }), signal)
  assert.ok(outcome.outcome === 'ledger' && outcome.reason === 'refused')
  assert.equal(seen.length, 1)
})

test("an item's own trouble goes to the ledger, a mailbox's is thrown", async () => {
  const { content } = contentOn(
    () => graphError(404, 'ErrorItemNotFound'),
    () => graphError(500, 'ErrorCorruptData'),
    () => graphError(403, 'malwareDetected'),
    () => graphError(403, 'ErrorAccessDenied'),
    () => graphError(404, 'MailboxNotEnabledForRESTAPI'),
  )
  assert.deepEqual(await content.fetch(item(), signal), { outcome: 'gone' })
  assert.deepEqual(await content.fetch(item(), signal), {
    outcome: 'ledger',
    reason: 'corrupt',
    code: 'ItemCorrupt',
    retry: false,
  })
  const refused = await content.fetch(item(), signal)
  assert.ok(refused.outcome === 'ledger' && refused.reason === 'refused')
  const denied = await content.fetch(item(), signal)
  assert.ok(denied.outcome === 'ledger' && denied.doubt?.code === 'AccessDenied')
  await assert.rejects(content.fetch(item(), signal), (e) => hasCode(e, 'MailboxNotAvailable'))
})

test('what may be the trouble of the mailbox is told with its doubt', async () => {
  const transport = async () => graphError(500, 'ErrorInternalServerError')
  const content = createContentReader(mailboxOf(graphOn(transport).graph, 'u'))
  const outcome = await content.fetch(item(), signal)
  assert.ok(outcome.outcome === 'ledger' && outcome.reason === 'unavailable' && outcome.retry)
  assert.equal(outcome.doubt?.code, 'GraphUnavailable')
})

test('a body that always breaks in its middle is the trouble of its item', async () => {
  const head = new Uint8Array(2_000_000)
  const { content } = contentOn(() => {
    const parts = [head]
    const pull = (c: ReadableStreamDefaultController) => {
      const part = parts.shift()
      if (part) c.enqueue(part)
      else c.error(new Error('ECONNRESET'))
    }
    return new Response(new ReadableStream({ pull }))
  })
  const outcome = await content.fetch(item(), signal)
  assert.ok(outcome.outcome === 'content')
  await assert.rejects(text(outcome.parts[0]?.bytes), (e) => hasCode(e, 'ContentBroken'))
})
