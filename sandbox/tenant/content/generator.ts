/**
 * Fills the tenant with believable people, folders and mail, from one seed.
 *
 * Invariants: the same options give the same ids, dates and content; bodies and files are kept
 * as recipes, so 20,000 messages take seconds and few bytes. Everything that a backup stumbles
 * over occurs: doubled and localised folder names, hidden and search folders, nested messages,
 * links as attachments, inline images, users without a mailbox (facts/graph.md 7).
 */
import { stableGuid, stableNumber } from '../ids.ts'
import type { Folder, Mailbox, User, UserProfile } from '../model.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { type FileSeedOptions, type FileSeedResult, seedFiles } from './generated-files.ts'
import { generateMail } from './generated-mail.ts'
import { PEOPLE } from './vocabulary.ts'

export const DEFAULT_DOMAIN = 'sandbox.example'
const USERS_MAX = 10_000
const MESSAGES_MAX = 1_000_000

export interface SeedOptions extends FileSeedOptions {
  readonly seed: number
  /** Mailboxes; from two on there is one more user, who has none. */
  readonly users: number
  /** In each mailbox. */
  readonly messages: number
  /** Fixed size of bodies; attachments then stay within four times that. For benches. */
  readonly bodyBytes?: number
}

export interface SeedResult extends FileSeedResult {
  readonly users: number
  readonly messages: number
}

/** Adds to what is there; asking twice with one seed fails on the doubled names. */
export function seedTenant(state: TenantState, options: SeedOptions): SeedResult {
  if (options.users > USERS_MAX || options.users * options.messages > MESSAGES_MAX) {
    throw new Error(`at most ${USERS_MAX} users and ${MESSAGES_MAX} messages can be generated`)
  }
  return state.db.transaction(() => {
    const users = Array.from({ length: options.users }, (_, n) => createPerson(state, options, n))
    if (options.users >= 2) createWithoutMailbox(state, options)
    for (const [index, user] of users.entries()) {
      const folders = createFolders(state, user)
      generateMail(state, { ...options, user, folders, people: users, index })
    }
    // A shared mailbox has no OneDrive.
    const people = users.filter(({ mailbox }) => mailbox?.purpose === 'user')
    const files = seedFiles(state, people, options)
    return { users: users.length, messages: users.length * options.messages, ...files }
  })
}

function profileOf(given: string, surname: string, serial: number): UserProfile {
  const ascii = `${given}.${surname}${serial === 0 ? '' : serial}`
    .normalize('NFD')
    .replace(/[^\w.]/g, '')
    .toLowerCase()
  const address = `${ascii}@${DEFAULT_DOMAIN}`
  return {
    displayName: `${given} ${surname}`,
    givenName: given,
    surname,
    userPrincipalName: address,
    mail: address,
    accountEnabled: true,
    userType: 'Member',
    jobTitle: 'Specialist',
    department: ['Sales', 'Purchasing', 'Research', 'IT'][serial % 4] ?? null,
    officeLocation: null,
    preferredLanguage: null,
    createdDateTime: '2024-01-08T09:00:00Z',
  }
}

function createPerson(state: TenantState, { seed, users }: SeedOptions, n: number): User {
  const [given, surname] = PEOPLE[n % PEOPLE.length] ?? ['Ada', 'Brandt']
  const profile = profileOf(given, surname, Math.floor(n / PEOPLE.length))
  // The last of four or more is a shared mailbox: its user is disabled, its mail is not.
  const shared = users >= 4 && n === users - 1
  const mailbox: Mailbox = {
    guid: stableGuid('mailbox', seed, n),
    purpose: shared ? 'shared' : 'user',
    timeZone: n % 4 === 1 ? 'W. Europe Standard Time' : 'UTC',
    locale: n % 4 === 1 ? 'de-DE' : 'en-US',
  }
  return state.createUser({ ...profile, accountEnabled: !shared }, mailbox)
}

function createWithoutMailbox(state: TenantState, { seed }: SeedOptions): void {
  const serial = stableNumber('no-mailbox', seed) % 1000
  const profile = profileOf('Nobody', 'Unlicensed', serial)
  state.createUser({ ...profile, displayName: 'Nobody Unlicensed' }, null)
}

function createFolders(state: TenantState, user: User): Folder[] {
  const { folders } = state
  const under = (parent: Folder, name: string, more: { hidden?: boolean } = {}) =>
    folders.create(user, { parent: parent.pk, name, ...more })
  const root = folders.wellKnown(user, 'msgfolderroot')
  const inbox = folders.wellKnown(user, 'inbox')
  const projects = under(inbox, 'Projects')
  const alpha = under(projects, 'Alpha')
  const design = under(alpha, 'Design / Entwürfe')
  const years = under(folders.wellKnown(user, 'archive'), '2025')
  // Exchange itself makes folders with the same name, for example while two clients sync.
  const invoices = [under(inbox, 'Invoices'), under(inbox, 'Invoices')]
  const hidden = under(root, 'PersonMetadata', { hidden: true })
  folders.create(user, {
    parent: root.pk,
    name: 'Flagged mail',
    search: {
      filterQuery: "flag/flagStatus eq 'flagged'",
      includeNestedFolders: true,
      sourceFolderIds: [root.id],
    },
  })
  return [projects, alpha, design, years, ...invoices, hidden]
}
