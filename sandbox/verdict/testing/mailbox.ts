/** Small mailboxes for the tests of the verdict, with the damage that people and bugs do. */
import type {
  AttachmentSnapshot,
  FolderSnapshot,
  MailboxSnapshot,
  MessageSnapshot,
} from '../../tenant/index.ts'

let serial = 0

export function folder(id: string, parentId: string | null, more: Partial<FolderSnapshot> = {}) {
  const made: FolderSnapshot = {
    ...{ id, parentId, name: id, path: id, seq: 1, wellKnown: null, hidden: false },
    ...{ search: null, total: 0, unread: 0 },
    ...more,
  }
  return made
}

export function attachment(name: string, more: Partial<AttachmentSnapshot> = {}) {
  const made: AttachmentSnapshot = {
    ...{ kind: 'file', name, contentType: 'text/csv', isInline: false, contentId: null, size: 10 },
    ...{ sha256: `sha of ${name}`, item: null },
    ...more,
  }
  return made
}

export function message(folderId: string, subject: string, more: Partial<MessageSnapshot> = {}) {
  serial += 1
  const ann = { name: 'Ann', address: 'ann@sandbox.example' }
  const made: MessageSnapshot = {
    ...{ seq: serial, immutableId: `i${serial}`, mutableId: `m${serial}`, modifiedMs: 5_000 },
    ...{ folderId, folderPath: folderId, subject, sender: ann, from: ann, to: [ann], cc: [] },
    ...{ bcc: [], replyTo: [], bodyType: 'text', preview: 'Hello', importance: 'normal' },
    ...{ isRead: true, isDraft: false, flag: { flagStatus: 'notFlagged' }, categories: ['Red'] },
    ...{ internetMessageId: `<${serial}@x>`, conversationId: 'c', conversationIndex: 'ci' },
    ...{ headers: [], receivedMs: 3_000, sentMs: 2_000, createdMs: 3_000, readReceipt: false },
    ...{ deliveryReceipt: false, focused: true, hasAttachments: false, bodySha256: `b${subject}` },
    ...{ bodyBytes: 5, sourceSha256: null, attachments: [], properties: [] },
    ...more,
  }
  return made
}

export function mailbox(folders: FolderSnapshot[], messages: MessageSnapshot[]): MailboxSnapshot {
  const profile: MailboxSnapshot['user']['profile'] = {
    ...{ displayName: 'Ann', givenName: null, surname: null, mail: 'ann@sandbox.example' },
    ...{ userPrincipalName: 'ann@sandbox.example', accountEnabled: true, userType: 'Member' },
    ...{ jobTitle: null, department: null, officeLocation: null, preferredLanguage: null },
    createdDateTime: '2024-01-08T09:00:00Z',
  }
  return { user: { id: 'u', profile, mailbox: null }, folders, messages }
}

/** What a faithful restore makes of a message: the same, under new ids and times. */
export function restored(original: MessageSnapshot, more: Partial<MessageSnapshot> = {}) {
  serial += 1
  const { properties } = original
  const mark = { id: 'String {x} Name holdfast', value: 'mark' }
  const made: MessageSnapshot = {
    ...original,
    ...{ seq: serial, immutableId: `i${serial}`, mutableId: `m${serial}` },
    ...{ createdMs: 9_000, modifiedMs: 9_000, properties: [...properties, mark] },
    ...more,
  }
  return made
}
