/** What a Graph handler gets, and how it finds the things that its path names. */
import type { Answer } from '../http.ts'
import type { Folder, MailboxCondition, Message, User } from '../model.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { accessDenied, GraphError, itemNotFound } from './errors.ts'
import type { LinkToken, Preferences, QueryOptions } from './query.ts'

export interface GraphRequest {
  readonly state: TenantState
  /** For example `http://127.0.0.1:8080/v1.0`; links and contexts begin with it. */
  readonly root: string
  /** Path of the call below `root`, as sent: page links repeat it. */
  readonly path: string
  readonly appId: string
  readonly permissions: ReadonlySet<string>
  readonly options: QueryOptions
  readonly token: LinkToken | null
  readonly prefer: Preferences
  readonly contentType: string
  /** A header as it was sent; undefined: it was not. */
  header(name: string): string | undefined
  /** For answers that are a download themselves. */
  readonly count: { sent(bytes: number): void }
  /** Decoded path parameter; a bug if the route has none of that name. */
  param(name: string): string
  body(): Promise<Buffer>
  /** The body piece by piece, of any length; in place of `body`. */
  stream(): AsyncIterable<Uint8Array>
}

export type Handler = (request: GraphRequest) => Answer | Promise<Answer>

export function findUser({ state, param }: GraphRequest): User {
  const user = state.users.find(param('user'))
  if (user) return user
  throw directoryNotFound(param('user'))
}

export function directoryNotFound(id: string): GraphError {
  return new GraphError(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried ` +
      'reference-property objects are not present.',
  )
}

export type MailboxUser = User & { readonly mailbox: NonNullable<User['mailbox']> }

/** The user with a mailbox; without one, Exchange answers before looking at anything else. */
export function findMailbox(request: GraphRequest): MailboxUser {
  const { param, state } = request
  const user = state.users.find(param('user'))
  if (!user) {
    throw new GraphError(
      404,
      'ErrorInvalidUser',
      `The requested user '${param('user')}' is invalid.`,
    )
  }
  const { mailbox } = user
  if (!mailbox || ABSENT.has(mailbox.condition)) throw mailboxNotEnabled()
  if (mailbox.condition === 'blocked') throw accessDenied()
  if (mailbox.condition === 'moving') throw mailboxMoving()
  return { ...user, mailbox }
}

const ABSENT: ReadonlySet<MailboxCondition | undefined> = new Set([
  ...(['on-premises', 'inactive', 'unlicensed'] as const),
])

function mailboxNotEnabled(): GraphError {
  return new GraphError(
    404,
    'MailboxNotEnabledForRESTAPI',
    'The mailbox is either inactive, soft-deleted, or is hosted on-premise.',
  )
}

const mailboxMoving = () =>
  new GraphError(503, 'ErrorMailboxMoveInProgress', 'Mailbox move in progress. Try again later.')

/** To be called before anything is added to the mailbox. */
export function checkQuota({ mailbox }: MailboxUser): void {
  if (mailbox.condition !== 'over-quota') return
  throw new GraphError(
    507,
    'ErrorQuotaExceeded',
    'The mailbox has exceeded its maximum mailbox size.',
  )
}

export function findFolder(request: GraphRequest, user: User): Folder {
  return folderNamed(request, user, request.param('folder'))
}

/** By id or well-known name. */
export function folderNamed({ state }: GraphRequest, user: User, idOrName: string): Folder {
  const folder = state.folders.find(user, idOrName)
  if (folder) return folder
  if (/^[A-Za-z]{3,40}$/.test(idOrName)) {
    throw new GraphError(400, 'ErrorInvalidIdMalformed', 'Id is malformed.')
  }
  throw itemNotFound()
}

/** A path through a folder finds only the messages of that folder. */
export function findMessage(request: GraphRequest, user: User, folder?: Folder): Message {
  const message = request.state.messages.find(user, request.param('message'))
  if (!message || (folder && message.folder !== folder.pk)) throw itemNotFound()
  return message
}

/** Content permissions; `Mail.ReadBasic.All` alone shows no body, attachment or property. */
export function mayReadContent(request: GraphRequest): boolean {
  return request.permissions.has('Mail.Read') || request.permissions.has('Mail.ReadWrite')
}
