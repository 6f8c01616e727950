/**
 * Users of the directory: list, one, delta (the directory dialect, facts/graph.md 2.4), and the
 * two calls that say what kind of mailbox somebody has.
 */
import type { Answer } from '../http.ts'
import { USERS_PAGE_DEFAULT, USERS_PAGE_MAX } from '../limits.ts'
import type { User } from '../model.ts'
import { currentCursor } from './cursor.ts'
import { badRequest, notBuilt } from './errors.ts'
import { type Json, userJson } from './json.ts'
import { context, deltaAnswer, listAnswer, offsetPage, pageSize } from './lists.ts'
import { findMailbox, findUser, type GraphRequest } from './request.ts'

const PAGE = { usual: USERS_PAGE_DEFAULT, max: USERS_PAGE_MAX }
const DELTA_FILTER_IDS_MAX = 50

type Predicate = (user: User) => boolean

const EQUALITIES: Readonly<Record<string, (user: User) => string | null>> = {
  id: (user) => user.id,
  userPrincipalName: (user) => user.profile.userPrincipalName,
  mail: (user) => user.profile.mail,
  displayName: (user) => user.profile.displayName,
  userType: (user) => user.profile.userType,
  accountEnabled: (user) => String(user.profile.accountEnabled),
}

function clausePredicate(clause: string): Predicate {
  const equality = /^(\w+) eq (?:'((?:[^']|'')*)'|(true|false))$/.exec(clause)
  const value = equality?.[1] === undefined ? undefined : EQUALITIES[equality[1]]
  if (value) {
    const wanted = (equality?.[2]?.replaceAll("''", "'") ?? equality?.[3] ?? '').toLowerCase()
    return (user) => value(user)?.toLowerCase() === wanted
  }
  const prefix = /^startswith\((\w+),\s*'((?:[^']|'')*)'\)$/i.exec(clause)
  const field = prefix?.[1] === undefined ? undefined : EQUALITIES[prefix[1]]
  if (!field) throw notBuilt(`the user filter '${clause}'`)
  const start = (prefix?.[2] ?? '').replaceAll("''", "'").toLowerCase()
  return (user) => field(user)?.toLowerCase().startsWith(start) ?? false
}

/** `and` or `or` of simple clauses, not mixed. */
function userPredicate(filter: string | null): Predicate {
  if (filter === null) return () => true
  const either = / or /.test(filter)
  if (either && / and /.test(filter)) throw notBuilt('user filters that mix and with or')
  const clauses = filter.split(either ? / or / : / and /).map((c) => clausePredicate(c.trim()))
  return (user) => (either ? clauses.some((c) => c(user)) : clauses.every((c) => c(user)))
}

export function listUsers(request: GraphRequest): Answer {
  const cursor = currentCursor(request, null)
  const { select, filter, top, count } = cursor.options
  const users = request.state.users.all().filter(userPredicate(filter))
  const page = offsetPage(users, cursor, pageSize(request, top, PAGE))
  return listAnswer(request, {
    contextPath: 'users',
    select,
    value: page.items.map((user) => userJson(user, select)),
    next: page.next,
    ...(count ? { count: users.length } : {}),
  })
}

export function getUser(request: GraphRequest): Answer {
  const { select } = request.options
  const user = findUser(request)
  return {
    status: 200,
    body: {
      '@odata.context': `${context(request, 'users', select)}/$entity`,
      ...userJson(user, select),
    },
  }
}

/** Only `id eq` clauses, at most 50, are taken by `/users/delta`. */
function checkDeltaFilter(filter: string | null): void {
  if (filter === null) return
  const clauses = filter.split(/ or /)
  if (clauses.length > DELTA_FILTER_IDS_MAX || clauses.some((c) => !/^id eq '/.test(c.trim()))) {
    throw badRequest('The delta of users can be filtered by at most 50 ids only.')
  }
}

function deltaEntry(user: User, select: readonly string[] | null): Json {
  return user.deleted ? { id: user.id, '@removed': { reason: 'changed' } } : userJson(user, select)
}

export function deltaUsers(request: GraphRequest): Answer {
  const cursor = currentCursor(request, null)
  const { select, filter } = cursor.options
  checkDeltaFilter(filter)
  const wanted = userPredicate(filter)
  const size = pageSize(request, null, PAGE)
  const changed = request.state.users.changedSince(cursor.position, size + 1)
  const items = changed.slice(0, size)
  const value = items
    .filter((user) => wanted(user) && (!user.deleted || user.seq > cursor.began))
    .map((user) => deltaEntry(user, select))
  const more = changed.length > size
  const position = more ? (items.at(-1)?.seq ?? cursor.position) : request.state.db.lastSeq()
  return deltaAnswer(request, { contextPath: 'users', select, value }, { cursor, more, position })
}

export function mailboxSettings(request: GraphRequest): Answer {
  const user = findMailbox(request)
  const { locale, timeZone, purpose } = user.mailbox
  return {
    status: 200,
    body: {
      '@odata.context': context(request, `users('${user.id}')/mailboxSettings`, null),
      archiveFolder: request.state.folders.wellKnown(user, 'archive').id,
      timeZone,
      delegateMeetingMessageDeliveryOptions: 'sendToDelegateOnly',
      dateFormat: 'yyyy-MM-dd',
      timeFormat: 'HH:mm',
      userPurpose: purpose,
      automaticRepliesSetting: {
        status: 'disabled',
        externalAudience: 'none',
        internalReplyMessage: '',
        externalReplyMessage: '',
        scheduledStartDateTime: { dateTime: '2026-01-01T08:00:00.0000000', timeZone: 'UTC' },
        scheduledEndDateTime: { dateTime: '2026-01-02T08:00:00.0000000', timeZone: 'UTC' },
      },
      language: {
        locale,
        displayName: new Intl.DisplayNames('en', { type: 'language' }).of(locale),
      },
      workingHours: {
        daysOfWeek: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'],
        startTime: '08:00:00.0000000',
        endTime: '17:00:00.0000000',
        timeZone: { name: timeZone },
      },
    },
  }
}

export function exchangeSettings(request: GraphRequest): Answer {
  const user = findMailbox(request)
  return {
    status: 200,
    body: {
      '@odata.context': context(request, `users('${user.id}')/settings/exchange`, null),
      id: user.id,
      primaryMailboxId: `MBX:${user.mailbox.guid}@${request.state.tenantId}`,
    },
  }
}
