/** The mail of one generated mailbox: threads, newsletters, attachments, states. */
import { conversationId, stableGuid, stableNumber } from '../ids.ts'
import { previewOf } from '../mime/plain-text.ts'
import type {
  Address,
  AttachmentContent,
  BodyRecipe,
  FileRecipe,
  Folder,
  ItemContent,
  MessageContent,
  User,
} from '../model.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { makeBody, makeFile } from './generated.ts'
import { createRandom, type Random } from './random.ts'
import { CATEGORY_NAMES, LANGUAGES, PEOPLE, VOCABULARIES } from './vocabulary.ts'

const FIRST_MS = Date.UTC(2025, 0, 6, 7, 30)
const SPAN_MS = 600 * 24 * 3_600_000
const OPEN_THREADS_MAX = 25
const BODY_BYTES = [300, 4_000] as const
const FILE_BYTES = [1_500, 40_000] as const

export interface MailOptions {
  readonly user: User
  readonly folders: readonly Folder[]
  readonly people: readonly User[]
  readonly index: number
  readonly seed: number
  readonly messages: number
  readonly bodyBytes?: number
}

interface Thread {
  readonly subject: string
  readonly language: string
  readonly key: string
  readonly partner: Address
  lastId: string
  replies: number
}

interface Mailing {
  readonly options: MailOptions
  readonly random: Random
  readonly own: Address
  readonly threads: Thread[]
}

export function generateMail(state: TenantState, options: MailOptions): void {
  const { user, seed, index } = options
  const own = { name: user.profile.displayName, address: user.profile.mail ?? '' }
  const random = createRandom(stableNumber('mail', seed, index))
  const mailing: Mailing = { options, random, own, threads: [] }
  const choose = folderChooser(state, options)
  for (let n = 0; n < options.messages; n += 1) {
    const atMs = momentOf(n, options.messages)
    const place = choose(random)
    const content = makeMessage(mailing, { n, atMs, place: place.wellKnown ?? '' })
    const attachments = makeAttachments(mailing, content.recipe, n, atMs)
    const message = { content, attachments, properties: [], source: null }
    state.messages.create(user, place, message, atMs)
  }
}

/** Spread over the span, in order, on whole seconds. */
function momentOf(n: number, count: number): number {
  return FIRST_MS + Math.floor((SPAN_MS * n) / Math.max(count, 1) / 1000) * 1000
}

function folderChooser(state: TenantState, { user, folders }: MailOptions) {
  const named = (name: string) => state.folders.wellKnown(user, name)
  const [inbox, sent, deleted] = [named('inbox'), named('sentitems'), named('deleteditems')]
  const [drafts, junk] = [named('drafts'), named('junkemail')]
  const others = [inbox, ...folders] as const
  return (random: Random): Folder => {
    const dice = random.next()
    if (dice < 0.45) return inbox
    if (dice < 0.6) return sent
    if (dice < 0.7) return deleted
    if (dice < 0.73) return drafts
    if (dice < 0.76) return junk
    return random.pick(others)
  }
}

function stranger(random: Random): Address {
  const [given, surname] = random.pick(PEOPLE)
  const ascii = surname.normalize('NFD').replace(/[^\w]/g, '').toLowerCase()
  return {
    name: `${given} ${surname}`,
    address: `${ascii}@partner-${random.between(1, 9)}.example`,
  }
}

function colleague({ options, random }: Mailing): Address {
  const user = options.people[random.between(0, options.people.length - 1)]
  if (!user?.profile.mail) return stranger(random)
  return { name: user.profile.displayName, address: user.profile.mail }
}

function startThread(mailing: Mailing, n: number): Thread {
  const { random, options, threads } = mailing
  const language = random.pick(LANGUAGES)
  const subjects = VOCABULARIES[language]?.subjects ?? (['Hello'] as const)
  const thread = {
    subject: random.pick(subjects),
    language,
    key: `${options.seed}:${options.index}:${n}`,
    partner: random.chance(0.4) ? colleague(mailing) : stranger(random),
    lastId: '',
    replies: 0,
  }
  threads.push(thread)
  if (threads.length > OPEN_THREADS_MAX) threads.shift()
  return thread
}

function pickThread(mailing: Mailing, n: number): Thread {
  const { random, threads } = mailing
  const open = threads[random.between(0, Math.max(0, threads.length - 1))]
  return open && random.chance(0.4) ? open : startThread(mailing, n)
}

interface Placing {
  readonly n: number
  readonly atMs: number
  readonly place: string
}

function makeRecipe(mailing: Mailing, thread: Thread, n: number): BodyRecipe {
  const { random, options } = mailing
  const newsletter = thread.replies === 0 && random.chance(0.15)
  const image = newsletter && random.chance(0.4) ? `logo-${n}@sandbox.example` : undefined
  return {
    seed: stableNumber('body', options.seed, options.index, n),
    kind: newsletter ? 'newsletter' : thread.replies > 0 ? 'reply' : 'text',
    language: thread.language,
    bytes: options.bodyBytes ?? random.between(...BODY_BYTES),
    ...(image ? { image } : {}),
  }
}

function makeMessage(mailing: Mailing, { n, atMs, place }: Placing): MessageContent {
  const { random, own, options } = mailing
  const thread = pickThread(mailing, n)
  const recipe = makeRecipe(mailing, thread, n)
  const outgoing = place === 'sentitems' || place === 'drafts'
  const from = outgoing ? own : thread.partner
  const to = outgoing ? thread.partner : own
  const html = recipe.kind === 'newsletter'
  const guid = stableGuid('message', options.seed, options.index, n)
  const internetMessageId = `<${guid}@sandbox.example>`
  const headers = thread.lastId === '' ? [] : [{ name: 'In-Reply-To', value: thread.lastId }]
  const subject = thread.replies > 0 ? `Re: ${thread.subject}` : thread.subject
  thread.lastId = internetMessageId
  thread.replies += 1
  const index = Buffer.alloc(22)
  index.writeUInt32BE(stableNumber('index', thread.key), 1)
  return {
    subject,
    sender: from,
    from,
    to: [to],
    cc: random.chance(0.2) ? [colleague(mailing)] : [],
    bcc: outgoing && random.chance(0.05) ? [stranger(random)] : [],
    replyTo: html ? [{ name: 'No reply', address: 'no-reply@newsletter.example' }] : [],
    bodyType: html ? 'html' : 'text',
    body: null,
    recipe,
    preview: previewOf(makeBody(recipe), html ? 'html' : 'text'),
    importance: random.chance(0.06) ? 'high' : random.chance(0.03) ? 'low' : 'normal',
    isRead: outgoing || random.chance(0.75),
    isDraft: place === 'drafts',
    flag: { flagStatus: random.chance(0.05) ? 'flagged' : 'notFlagged' },
    categories: random.chance(0.1) ? [random.pick(CATEGORY_NAMES)] : [],
    internetMessageId,
    conversationId: conversationId(thread.key),
    conversationIndex: index.toString('base64'),
    headers,
    receivedMs: atMs,
    sentMs: atMs - random.between(1, 40) * 1000,
    createdMs: atMs,
    readReceipt: random.chance(0.01),
    deliveryReceipt: false,
    focused: !html,
  }
}

const CONTENT_TYPES = { pdf: 'application/pdf', png: 'image/png', csv: 'text/csv' } as const

function fileAttachment(
  mailing: Mailing,
  kind: FileRecipe['kind'],
  facts: { serial: string; contentId?: string },
): AttachmentContent {
  const { random, options } = mailing
  const most = options.bodyBytes === undefined ? FILE_BYTES[1] : options.bodyBytes * 4
  const recipe = {
    seed: stableNumber('file', options.seed, options.index, facts.serial),
    kind,
    bytes: random.between(Math.min(FILE_BYTES[0], most), most),
  }
  return {
    kind: 'file',
    name: `${facts.contentId ? 'logo' : `report-${facts.serial}`}.${kind}`,
    contentType: CONTENT_TYPES[kind],
    isInline: facts.contentId !== undefined,
    contentId: facts.contentId ?? null,
    contentLocation: null,
    content: null,
    recipe,
    item: null,
    size: makeFile(recipe).length,
  }
}

function nestedMessage(mailing: Mailing, n: number, atMs: number): AttachmentContent {
  const { random, options, own } = mailing
  const seed = stableNumber('nested', options.seed, options.index, n)
  const body = makeBody({ seed, kind: 'text', language: 'en', bytes: 400 })
  const item: ItemContent = {
    subject: 'Forwarded: delivery note',
    from: stranger(random),
    to: [own],
    cc: [],
    bodyType: 'text',
    body,
    importance: 'normal',
    internetMessageId: `<nested-${seed}@partner.example>`,
    sentMs: atMs - 3_600_000,
  }
  return {
    ...bare('item', item.subject),
    item,
    size: Buffer.byteLength(body) + Buffer.byteLength(item.subject),
  }
}

function bare(kind: AttachmentContent['kind'], name: string): AttachmentContent {
  return {
    kind,
    name,
    contentType: null,
    isInline: false,
    contentId: null,
    contentLocation: null,
    content: null,
    recipe: null,
    item: null,
    size: 0,
  }
}

function makeAttachments(
  mailing: Mailing,
  recipe: BodyRecipe | null,
  n: number,
  atMs: number,
): AttachmentContent[] {
  const { random } = mailing
  const found: AttachmentContent[] = []
  if (recipe?.image) {
    found.push(fileAttachment(mailing, 'png', { serial: `${n}-logo`, contentId: recipe.image }))
  }
  if (random.chance(0.16)) {
    const kind = random.pick(['pdf', 'csv', 'png'] as const)
    found.push(fileAttachment(mailing, kind, { serial: `${n}` }))
  }
  if (random.chance(0.02)) found.push(nestedMessage(mailing, n, atMs))
  if (random.chance(0.01)) found.push(bare('reference', 'Shared budget.xlsx'))
  return found
}
