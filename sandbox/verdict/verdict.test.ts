import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AttachmentSnapshot, FolderSnapshot, MessageSnapshot } from '../tenant/index.ts'
import { countDifferences, judge, type MailboxCase, parseFidelity } from './index.ts'
import { attachment, folder, mailbox, message, restored } from './testing/mailbox.ts'

const FIDELITY = parseFidelity(`
| field | when | why |
|---|---|---|
| \`id\`, \`changeKey\` | always | a new message |
| \`createdDateTime\` | always | set by the service |
| \`lastModifiedDateTime\` | always | set by the service |
| \`singleValueExtendedProperties\` | always | our mark |
| \`parentFolderId\` | the folder was made anew | a new folder |
| \`sender\` | when the original has none | the service puts the owner there |
| \`attachments.@odata.type\` | when it was a message | whole, as a file |
`)

const root = folder('root', null, { wellKnown: 'msgfolderroot' })
const inbox = folder('inbox', 'root', { wellKnown: 'inbox' })
const work = folder('work', 'inbox', { name: 'Work' })
const FOLDERS = [root, inbox, work]

/** A lost message with an attachment, one that stays, and whatever the restore made of them. */
function lossAndRestore(make: (lost: MessageSnapshot) => MessageSnapshot[]) {
  const lost = message('work', 'Offer', {
    attachments: [attachment('a.csv'), attachment('b.csv')],
    hasAttachments: true,
  })
  const stays = message('inbox', 'Stays')
  return verdictOf({
    before: mailbox(FOLDERS, [lost, stays]),
    damaged: mailbox(FOLDERS, [stays]),
    after: mailbox(FOLDERS, [stays, ...make(lost)]),
  })
}

function verdictOf(part: Partial<MailboxCase> & Pick<MailboxCase, 'before' | 'damaged' | 'after'>) {
  const defaults = { restores: [{ scope: 'all', conflict: 'skip' }] as const, refused: [] }
  return judge([{ ...defaults, notStored: new Set<string>(), ...part }], FIDELITY)
}

const unlisted = (verdict: ReturnType<typeof verdictOf>) =>
  countDifferences(verdict.differences)
    .filter(({ listed }) => !listed)
    .map(({ field }) => field)

test('a faithful copy passes, and its listed differences are counted', () => {
  const verdict = lossAndRestore((lost) => [restored(lost)])
  assert.equal(verdict.ok, true)
  assert.deepEqual([verdict.expected, verdict.restored, verdict.untouched], [1, 1, 1])
  assert.deepEqual(
    countDifferences(verdict.differences)
      .map(({ field }) => field)
      .toSorted(),
    ['changeKey', 'createdDateTime', 'id', 'lastModifiedDateTime', 'singleValueExtendedProperties'],
  )
})

test('a message that did not come back is missing', () => {
  const verdict = lossAndRestore(() => [])
  assert.equal(verdict.ok, false)
  assert.deepEqual(
    verdict.problems.map(({ kind, name }) => [kind, name]),
    [['missing', 'Offer']],
  )
})

test('a second copy is a double', () => {
  const verdict = lossAndRestore((lost) => [restored(lost), restored(lost)])
  assert.equal(verdict.ok, false)
  assert.deepEqual(
    verdict.problems.map(({ kind }) => kind),
    ['double'],
  )
})

test('something that nobody asked for is found', () => {
  const verdict = lossAndRestore((lost) => [restored(lost), message('inbox', 'Surprise')])
  assert.deepEqual(
    verdict.problems.map(({ kind }) => kind),
    ['unexpected'],
  )
})

test('a copy in another folder is found', () => {
  const verdict = lossAndRestore((lost) => [restored(lost, { folderId: 'inbox' })])
  assert.equal(verdict.ok, false)
  assert.deepEqual(
    verdict.problems.map(({ kind }) => kind),
    ['wrong-folder'],
  )
})

const losses: [string, (lost: MessageSnapshot) => Partial<MessageSnapshot>, string[]][] = [
  ['a changed body', () => ({ bodySha256: 'other' }), ['body']],
  ['a body of another type', () => ({ bodyType: 'html' }), ['body']],
  ['a lost category', () => ({ categories: [] }), ['categories']],
  ['a lost flag', () => ({ flag: { flagStatus: 'flagged' } }), ['flag']],
  ['unread instead of read', () => ({ isRead: false }), ['isRead']],
  ['a draft', () => ({ isDraft: true }), ['isDraft']],
  ['a lost recipient', () => ({ to: [] }), ['toRecipients']],
  ['another sent time', () => ({ sentMs: 2_001 }), ['sentDateTime']],
  ['another Message-ID', () => ({ internetMessageId: '<new@x>' }), ['internetMessageId']],
  ['a missing attachment', (m) => ({ attachments: m.attachments.slice(1) }), ['attachments']],
  [
    'attachments in another order are none',
    (m) => ({ attachments: m.attachments.toReversed() }),
    [],
  ],
  [
    'other bytes in an attachment',
    (m) => ({ attachments: [attachment('a.csv', { sha256: 'x' }), ...m.attachments.slice(1)] }),
    ['attachments.contentBytes'],
  ],
  [
    'an attachment under another name',
    (m) => ({ attachments: [{ ...attachment('a.csv'), name: 'z' }, ...m.attachments.slice(1)] }),
    ['attachments.name'],
  ],
  [
    'an attachment more',
    (m) => ({ attachments: [...m.attachments, attachment('c.csv')] }),
    ['attachments'],
  ],
]
for (const [what, loss, fields] of losses) {
  test(`${what}: ${fields.length === 0 ? 'no difference' : `found as ${fields.join()}`}`, () => {
    const verdict = lossAndRestore((lost) => [restored(lost, loss(lost))])
    assert.deepEqual(unlisted(verdict), fields)
    assert.equal(verdict.ok, fields.length === 0)
    assert.deepEqual(verdict.problems, [])
  })
}

test('a field that is listed only where the original has none is forgiven only there', () => {
  const ann = { name: 'Ann', address: 'ann@sandbox.example' }
  const lost = message('inbox', 'No sender', { sender: null })
  const kept = message('inbox', 'With sender', { sender: { ...ann, name: 'Bob' } })
  const verdict = verdictOf({
    before: mailbox(FOLDERS, [lost, kept]),
    damaged: mailbox(FOLDERS, []),
    after: mailbox(FOLDERS, [restored(lost, { sender: ann }), restored(kept, { sender: ann })]),
  })
  const found = verdict.differences.filter(({ field }) => field === 'sender')
  assert.deepEqual(
    found.map(({ name, listed }) => [name, listed]),
    [
      ['No sender', true],
      ['With sender', false],
    ],
  )
})

test('a nested message may come back as a file of all its bytes, and not of fewer', () => {
  const item: NonNullable<AttachmentSnapshot['item']> = {
    ...{ subject: 'Inner', from: null, to: [], cc: [], sentMs: 1, body: 'inner' },
    ...{ internetMessageId: '<i@x>', bodyType: 'text', importance: 'normal' },
  }
  const nested = attachment('Inner', { kind: 'item', contentType: null, item })
  const file = attachment('Inner.eml', { contentType: 'message/rfc822', sha256: nested.sha256 })
  const of = (made: typeof nested) => {
    const lost = message('inbox', 'Outer', { attachments: [nested] })
    return verdictOf({
      before: mailbox(FOLDERS, [lost]),
      damaged: mailbox(FOLDERS, []),
      after: mailbox(FOLDERS, [restored(lost, { attachments: [made] })]),
    })
  }
  assert.deepEqual(unlisted(of(file)), [])
  assert.ok(unlisted(of({ ...file, sha256: 'less' })).includes('attachments'))
  const later = of({ ...nested, item: { ...item, sentMs: 2 } })
  assert.deepEqual(unlisted(later), ['attachments.item.sentDateTime'])
})

test('what was there before the restore must be there after it, unchanged', () => {
  const kept = message('inbox', 'Kept')
  const also = message('inbox', 'Also kept')
  const before = mailbox(FOLDERS, [kept, also])
  const changed = { ...also, categories: [] }
  const verdict = verdictOf({ before, damaged: before, after: mailbox(FOLDERS, [changed]) })
  assert.deepEqual(
    verdict.problems.map(({ kind, detail }) => [kind, detail]),
    [
      ['harmed', 'it is gone'],
      ['harmed', 'changed: categories'],
    ],
  )
})

test('a newer state in its place is kept, and a moved message comes back beside it', () => {
  const edited = message('inbox', 'Edited')
  const moved = message('inbox', 'Moved')
  const newer = { ...edited, seq: 900, bodySha256: 'newer' }
  const elsewhere = { ...moved, seq: 901, folderId: 'work' }
  const verdict = verdictOf({
    before: mailbox(FOLDERS, [edited, moved]),
    damaged: mailbox(FOLDERS, [newer, elsewhere]),
    after: mailbox(FOLDERS, [newer, elsewhere, restored(moved)]),
  })
  assert.equal(verdict.ok, true)
  assert.deepEqual([verdict.keptNewer, verdict.restored], [1, 1])
})

test('with copy, the earlier state of an edited message stands beside the newer one', () => {
  const edited = message('inbox', 'Edited')
  const newer = { ...edited, seq: 900, bodySha256: 'newer' }
  const restores = [{ scope: { messages: [edited.immutableId] }, conflict: 'copy' }] as const
  const before = mailbox(FOLDERS, [edited])
  const damaged = mailbox(FOLDERS, [newer])
  const good = mailbox(FOLDERS, [newer, restored(edited)])
  assert.equal(verdictOf({ before, damaged, after: good, restores }).ok, true)
  const none = verdictOf({ before, damaged, after: damaged, restores })
  assert.equal(none.missing, 1)
})

test('with copy, what is there with the same content is not doubled, even if it was marked', () => {
  const [untouched, marked, lost] = [1, 2, 3].map((n) => message('inbox', `Mail ${n}`))
  assert.ok(untouched && marked && lost)
  const read = { ...marked, seq: 900, isRead: false, categories: [] }
  const restores = [{ scope: 'all', conflict: 'copy' }] as const
  const before = mailbox(FOLDERS, [untouched, marked, lost])
  const damaged = mailbox(FOLDERS, [untouched, read])
  const after = (more: MessageSnapshot[]) =>
    mailbox(FOLDERS, [untouched, read, restored(lost), ...more])
  const good = verdictOf({ before, damaged, after: after([]), restores })
  assert.deepEqual([good.ok, good.restored, good.untouched, good.keptNewer], [true, 1, 1, 1])
  const doubled = verdictOf({ before, damaged, after: after([restored(untouched)]), restores })
  assert.deepEqual(
    doubled.problems.map(({ kind }) => kind),
    ['double'],
  )
})

test('a deleted folder must stand again under its old name, with its messages in it', () => {
  const lost = message('work', 'Offer')
  const before = mailbox(FOLDERS, [lost])
  const damaged = mailbox([root, inbox], [])
  const restores = [{ scope: { folders: ['work'] }, conflict: 'skip' }] as const
  const after = (made: FolderSnapshot) =>
    mailbox([root, inbox, made], [restored(lost, { folderId: made.id })])
  const good = after(folder('made', 'inbox', { name: 'Work' }))
  const verdict = verdictOf({ before, damaged, after: good, restores })
  assert.equal(verdict.ok, true)
  assert.ok(verdict.differences.some(({ field }) => field === 'parentFolderId'))
  const bad = after(folder('made', 'root', { name: 'Work' }))
  const kinds = verdictOf({ before, damaged, after: bad, restores }).problems.map((p) => p.kind)
  assert.deepEqual(kinds, ['folder-missing', 'wrong-folder'])
})

test('a refusal explains one missing message; without a type it fails', () => {
  const [one, two] = [message('work', 'Same'), message('work', 'Same')]
  const before = mailbox(FOLDERS, [one, two])
  const damaged = mailbox(FOLDERS, [])
  const refusal = { name: 'Same', folderName: 'Work', code: 'TooLarge' }
  const of = (refused: (typeof refusal)[]) =>
    verdictOf({ before, damaged, after: damaged, refused })
  assert.equal(of([refusal, refusal]).ok, true)
  assert.deepEqual([of([refusal]).refused, of([refusal]).missing], [1, 1])
  assert.equal(of([refusal, { ...refusal, code: '' }]).ok, false)
})

test('what the ledger holds, and what is not protected, is not expected back', () => {
  const bins = [
    folder('bin', null, { wellKnown: 'recoverableitemsroot' }),
    folder('purged', 'bin', { wellKnown: 'recoverableitemspurges' }),
  ]
  const broken = message('inbox', 'Broken')
  const purged = message('purged', 'Purged')
  const verdict = verdictOf({
    before: mailbox([...FOLDERS, ...bins], [broken, purged]),
    damaged: mailbox([...FOLDERS, ...bins], []),
    after: mailbox([...FOLDERS, ...bins], []),
    notStored: new Set([broken.immutableId]),
  })
  assert.deepEqual([verdict.ok, verdict.expected], [true, 0])
})

test('only tables with the two columns are read, and a document without one is refused', () => {
  const text = '| `x` | y |\n|---|---|\n| `no` | z |\n\n| Field | Why | When |\n|-|-|-|\n'
  const rules = parseFidelity(`${text}| \`a\` and \`b.c\` | w | often |\n`)
  assert.deepEqual([...rules.keys()], ['a', 'b.c'])
  assert.equal(rules.get('a')?.when, 'often')
  assert.throws(() => parseFidelity(text), /no table/)
})
