import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'

/** What a person wrote, received or did: a difference in these is a loss, whoever causes it. */
const CONTENT = [
  'subject',
  'body',
  'bodyPreview',
  'from',
  'sender',
  'toRecipients',
  'ccRecipients',
  'bccRecipients',
  'replyTo',
  'internetMessageId',
  'sentDateTime',
  'receivedDateTime',
  'importance',
  'isRead',
  'isDraft',
  'hasAttachments',
  'flag',
  'categories',
  'attachments',
  'attachments.name',
  'attachments.contentBytes',
]

describe('docs/fidelity.md', () => {
  it('forgives no field that carries content, and names each field once', async () => {
    const page = await readFile(new URL('../../docs/fidelity.md', import.meta.url), 'utf8')
    const [, table = ''] = page.split('| field | when |')
    const rows = (table.split('\n\n')[0] ?? '').split('\n').slice(2)
    const fields = rows.map((row) => /^\| `([^`]+)` \| [^|]+ \| [^|]+ \| [^|]+ \|$/.exec(row)?.[1])
    assert.ok(fields.length > 10)
    assert.ok(fields.every((field) => field !== undefined))
    assert.equal(new Set(fields).size, fields.length)
    // Where there was nothing, nothing can be lost.
    const losing = rows.filter((row) => row.split(' | ')[1] !== 'when the original has none')
    assert.deepEqual(
      CONTENT.filter((field) => losing.some((row) => row.startsWith(`| \`${field}\` |`))),
      [],
    )
  })
})
