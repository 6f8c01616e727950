/**
 * Every call that the tenant serves: method, path, the name it is counted under, the query
 * options it takes, and who answers. What is not here answers 501, or 404 where even the
 * beginning of the path is nothing that Graph knows.
 */
import * as attachments from './attachments.ts'
import { DRIVE_ROWS, type DriveRow, type Units } from './drive/routes.ts'
import { DRIVE_WRITE_ROWS } from './drive/write-routes.ts'
import * as folders from './folders.ts'
import { deltaMessages } from './message-delta.ts'
import * as writes from './message-write.ts'
import * as messages from './messages.ts'
import { PERMISSIONS } from './permissions.ts'
import type { Handler } from './request.ts'
import { createUploadSession } from './upload-sessions.ts'
import * as users from './users.ts'

export interface Route {
  readonly method: string
  readonly segments: readonly string[]
  /** Counter name, for example `messages.delta`. */
  readonly kind: string
  readonly options: readonly string[]
  readonly permissions: readonly string[]
  /** Whether Outlook's limits for the mailbox apply. */
  readonly throttled: boolean
  /** Resource units of SharePoint that the call costs; null: it is no call of SharePoint's. */
  readonly units: Units | null
  readonly handle: Handler
}

const LIST = ['$select', '$filter', '$orderby', '$top', '$skip', '$count'] as const
const ONE = ['$select'] as const
const NONE: readonly string[] = []

const FOLDERS = '/users/{user}/mailFolders'
const FOLDER = `${FOLDERS}/{folder}`
const MESSAGES = '/users/{user}/messages'
const MESSAGE = `${MESSAGES}/{message}`
const ATTACHMENT = `${MESSAGE}/attachments/{attachment}`

type Row = readonly [call: string, kind: string, options: readonly string[], handle: Handler]

const ROWS: readonly Row[] = [
  ['GET /users', 'users.list', ['$select', '$filter', '$top', '$count'], users.listUsers],
  ['GET /users/delta', 'users.delta', ['$select', '$filter'], users.deltaUsers],
  ['GET /users/{user}', 'users.get', ONE, users.getUser],
  ['GET /users/{user}/mailboxSettings', 'mailboxSettings.get', NONE, users.mailboxSettings],
  ['GET /users/{user}/settings/exchange', 'exchangeSettings.get', NONE, users.exchangeSettings],
  [`GET ${FOLDERS}`, 'mailFolders.list', [...LIST, 'includehiddenfolders'], folders.listFolders],
  [`POST ${FOLDERS}`, 'mailFolder.create', NONE, folders.createFolder],
  [`GET ${FOLDERS}/delta`, 'mailFolders.delta', ['$select', '$top'], folders.deltaFolders],
  [`GET ${FOLDER}`, 'mailFolder.get', ONE, folders.getFolder],
  [`PATCH ${FOLDER}`, 'mailFolder.update', NONE, folders.renameFolder],
  [`DELETE ${FOLDER}`, 'mailFolder.delete', NONE, folders.deleteFolder],
  [`POST ${FOLDER}/move`, 'mailFolder.move', NONE, folders.moveFolder],
  [
    `GET ${FOLDER}/childFolders`,
    'childFolders.list',
    [...LIST, 'includehiddenfolders'],
    folders.listChildFolders,
  ],
  [`POST ${FOLDER}/childFolders`, 'mailFolder.create', NONE, folders.createChildFolder],
  [`GET ${FOLDER}/messages`, 'messages.list', [...LIST, '$expand'], messages.listFolderMessages],
  [`POST ${FOLDER}/messages`, 'message.create', NONE, writes.createFolderMessage],
  [
    `GET ${FOLDER}/messages/delta`,
    'messages.delta',
    ['$select', '$top', '$expand', '$filter', '$orderby'],
    deltaMessages,
  ],
  [
    `GET ${FOLDER}/messages/{message}`,
    'message.get',
    ['$select', '$expand'],
    messages.getFolderMessage,
  ],
  [`GET ${MESSAGES}`, 'messages.list', [...LIST, '$expand'], messages.listMessages],
  [`POST ${MESSAGES}`, 'message.create', NONE, writes.createMessage],
  [`GET ${MESSAGE}`, 'message.get', ['$select', '$expand'], messages.getMessage],
  [`PATCH ${MESSAGE}`, 'message.update', NONE, writes.patchMessage],
  [`DELETE ${MESSAGE}`, 'message.delete', NONE, writes.deleteMessage],
  [`POST ${MESSAGE}/move`, 'message.move', NONE, writes.moveMessage],
  [`POST ${MESSAGE}/copy`, 'message.copy', NONE, writes.copyMessage],
  [`POST ${MESSAGE}/permanentDelete`, 'message.purge', NONE, writes.purgeMessage],
  [`GET ${MESSAGE}/$value`, 'messages.value', NONE, messages.getMime],
  [
    `GET ${MESSAGE}/attachments`,
    'attachments.list',
    ['$select', '$expand'],
    attachments.listAttachments,
  ],
  [`POST ${MESSAGE}/attachments`, 'attachment.create', NONE, attachments.addAttachment],
  [
    `POST ${MESSAGE}/attachments/createUploadSession`,
    'attachment.createUpload',
    NONE,
    createUploadSession,
  ],
  [`GET ${ATTACHMENT}`, 'attachment.get', ['$select', '$expand'], attachments.getAttachment],
  [`DELETE ${ATTACHMENT}`, 'attachment.delete', NONE, attachments.removeAttachment],
  [`GET ${ATTACHMENT}/$value`, 'attachment.value', NONE, attachments.getAttachmentBytes],
]

function toRoute([call, kind, options, handle]: Row, units: Units | null = null): Route {
  const [method = '', path = ''] = call.split(' ')
  const permissions = PERMISSIONS[call]
  if (permissions === undefined) throw new Error(`no permissions are known for ${call}`)
  const segments = path.slice(1).split('/')
  return {
    method,
    segments,
    kind,
    options,
    permissions,
    throttled: /mailFolders|messages|mailboxSettings/.test(path),
    units,
    handle,
  }
}

function toDriveRoute([call, kind, options, units, handle]: DriveRow): Route {
  return toRoute([call, kind, options, handle], units)
}

export const ROUTES: readonly Route[] = [
  ...ROWS.map((row) => toRoute(row)),
  ...DRIVE_ROWS.map(toDriveRoute),
  ...DRIVE_WRITE_ROWS.map(toDriveRoute),
]

export interface RouteMatch {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

/** Routes by number of segments: most calls then look at a handful. */
const BY_LENGTH = Map.groupBy(ROUTES, ({ segments }) => segments.length)

/** `root:/a/b:/children`: what stands between colons is one path, however many parts it has. */
function joinPaths(segments: readonly string[]): readonly string[] {
  const start = segments.findIndex((segment) => segment.endsWith(':')) + 1
  if (start === 0 || start === segments.length) return segments
  const found = segments.findIndex((segment, n) => n >= start && segment.endsWith(':'))
  const end = found < 0 ? segments.length : found + 1
  const path = segments.slice(start, end).join('/')
  return [...segments.slice(0, start), path, ...segments.slice(end)]
}

/** The value of a parameter, `{name}` or `{name}:`; null: this is none for the pattern. */
function parameterOf(pattern: string, given: string, isPath: boolean): string | null {
  if (pattern.endsWith(':')) return given.endsWith(':') ? given.slice(0, -1) : null
  if (!given.endsWith(':')) return given
  // A path may end with a colon that nothing follows.
  return isPath ? given.slice(0, -1) : null
}

/** Literal names before parameters, and in any case, as Graph reads paths. */
export function matchRoute(method: string, parts: readonly string[]): RouteMatch | null {
  const segments = joinPaths(parts)
  let best: RouteMatch | null = null
  let bestLiterals = -1
  for (const route of BY_LENGTH.get(segments.length) ?? []) {
    if (route.method !== method) continue
    const params: Record<string, string> = {}
    let literals = 0
    const fits = route.segments.every((pattern, index) => {
      const given = segments[index] ?? ''
      if (pattern.startsWith('{')) {
        const name = pattern.replace(/[{}:]/g, '')
        const value = parameterOf(pattern, given, name === 'path')
        if (value !== null) params[name] = value
        return value !== null
      }
      literals += 1
      return pattern.toLowerCase() === given.toLowerCase().replace(/\(\)$/, '')
    })
    if (fits && literals > bestLiterals) {
      best = { route, params }
      bestLiterals = literals
    }
  }
  return best
}

/** Another method of a served path: for 405 instead of 501. */
export function isKnownPath(segments: readonly string[]): boolean {
  return ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].some(
    (method) => matchRoute(method, segments) !== null,
  )
}
