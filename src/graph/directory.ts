/**
 * Who is in the tenant, and who has a mailbox.
 *
 * A user without a mailbox (none, on-premises, unlicensed) is an expected state, not an error.
 * Shared mailboxes belong to disabled users, so nobody is filtered by `accountEnabled`.
 */
import { AppError, hasCode } from '../model/errors.ts'
import type { Graph } from './client.ts'
import { readDeltaPage } from './delta.ts'
import type { Meter } from './exchange.ts'
import { type JsonObject, objectsOf, textOf } from './json.ts'
import { mailboxOf } from './mailbox.ts'
import { WalkGuard } from './paging.ts'

export interface DirectoryUser {
  id: string
  displayName: string
  userPrincipalName: string
  mail: string
  /** Undefined where the page did not say: delta pages may name only what changed. */
  accountEnabled?: boolean
  /** `Member` or `Guest`. */
  userType: string
}

export interface UserPage {
  users: DirectoryUser[]
  removed: { id: string; restorable: boolean }[]
  /** Exactly one of the links is there. */
  next?: string
  delta?: string
}

export const MAILBOX_PURPOSES = [
  'user',
  'linked',
  'shared',
  'room',
  'equipment',
  'others',
  'unknown',
] as const
export type MailboxPurpose = (typeof MAILBOX_PURPOSES)[number]

export type MailboxState =
  | { state: 'ready'; purpose: MailboxPurpose }
  /** There is nothing to protect; the stable code says why. */
  | { state: 'not-provisioned'; code: string }
  /** We may not look; a person must grant it. */
  | { state: 'refused'; code: string }

export interface Directory {
  /** One page of changes of the tenant's users. Null link: from the beginning. */
  users(link: string | null, signal: AbortSignal): Promise<UserPage>
  /** Three requests at most. Throws `Throttled`, `GraphUnavailable` ... */
  mailbox(userId: string, signal: AbortSignal): Promise<MailboxState>
  /** False where the directory says that it knows no such user. Throws where it is not certain. */
  exists(userId: string, signal: AbortSignal): Promise<boolean>
  /** Requests sent so far. */
  requests(): number
}

/** A backup can wait; the directory lets people go first. */
const LOW_PRIORITY = { 'x-ms-throttle-priority': 'low' }
const REASON_FIELDS = 'id,assignedPlans,onPremisesSyncEnabled'
const SELECT = 'id,userPrincipalName,mail,displayName,accountEnabled,userType'

export function createDirectory(graph: Graph, tenantId: string): Directory {
  const meter: Meter = { requests: 0, units: 0 }
  let mailboxRequests = 0
  let guard = new WalkGuard('users.delta')

  async function users(link: string | null, signal: AbortSignal): Promise<UserPage> {
    if (link === null) guard = new WalkGuard('users.delta')
    const page = await readDeltaPage({
      call: 'users.delta',
      link,
      guard,
      // The directory chooses its page size itself.
      sizes: [0],
      read: (at) => graph.json(usersRequest(at, tenantId, meter), signal),
    })
    const { items, removed, ...links } = page
    return {
      users: items.map(userOf),
      removed: removed.map(({ id, reason }) => ({ id, restorable: reason === 'changed' })),
      ...links,
    }
  }

  function user(id: string, fields: string, signal: AbortSignal): Promise<JsonObject> {
    const path = ['users', id]
    const ours = { service: 'directory', budgetScope: tenantId, headers: LOW_PRIORITY } as const
    return graph.json(
      { name: 'users.get', path, query: { $select: fields }, ...ours, meter },
      signal,
    )
  }

  async function exists(userId: string, signal: AbortSignal): Promise<boolean> {
    try {
      await user(userId, 'id', signal)
      return true
    } catch (error) {
      if (hasCode(error, 'OwnerGone')) return false
      throw error
    }
  }

  /** Exchange has one answer for several reasons; the directory tells some of them apart. */
  async function explained(
    state: MailboxState,
    userId: string,
    signal: AbortSignal,
  ): Promise<MailboxState> {
    if (state.state !== 'not-provisioned' || state.code !== 'MailboxNotEnabledForRESTAPI') {
      return state
    }
    try {
      return { ...state, code: reasonOf(await user(userId, REASON_FIELDS, signal)) ?? state.code }
    } catch (error) {
      if (error instanceof AppError && error.kind !== 'bug') return state
      throw error
    }
  }

  async function mailboxState(userId: string, signal: AbortSignal): Promise<MailboxState> {
    const mailbox = mailboxOf(graph, userId)
    try {
      await mailbox.json({ name: 'user.exchange', path: ['settings', 'exchange'] }, signal)
      const request = { name: 'mailboxSettings', path: ['mailboxSettings'] }
      const settings = await mailbox.json(request, signal)
      return { state: 'ready', purpose: purposeOf(settings) }
    } catch (error) {
      return await explained(stateOf(error), userId, signal)
    } finally {
      mailboxRequests += mailbox.requests()
    }
  }

  return { users, mailbox: mailboxState, exists, requests: () => meter.requests + mailboxRequests }
}

function usersRequest(link: string | null, tenantId: string, meter: Meter) {
  return {
    name: 'users.delta',
    ...(link === null ? { path: ['users', 'delta'], query: { $select: SELECT } } : { link }),
    headers: LOW_PRIORITY,
    service: 'directory' as const,
    budgetScope: tenantId,
    meter,
  }
}

function userOf(user: JsonObject): DirectoryUser {
  const { accountEnabled } = user
  return {
    id: textOf(user, 'id') ?? '',
    displayName: textOf(user, 'displayName') ?? '',
    userPrincipalName: textOf(user, 'userPrincipalName') ?? '',
    mail: textOf(user, 'mail') ?? '',
    ...(typeof accountEnabled === 'boolean' ? { accountEnabled } : {}),
    userType: textOf(user, 'userType') ?? '',
  }
}

/**
 * Why a user has no mailbox in the cloud, as far as the directory knows. Undefined with a plan
 * for Exchange: then the mailbox is inactive, or is still being made.
 */
function reasonOf(user: JsonObject): 'MailboxOnPremises' | 'NoExchangePlan' | undefined {
  const hasPlan = objectsOf(user, 'assignedPlans').some(
    (plan) =>
      textOf(plan, 'service')?.toLowerCase() === 'exchange' &&
      textOf(plan, 'capabilityStatus') === 'Enabled',
  )
  if (hasPlan) return undefined
  return user['onPremisesSyncEnabled'] === true ? 'MailboxOnPremises' : 'NoExchangePlan'
}

function purposeOf(settings: JsonObject): MailboxPurpose {
  const said = textOf(settings, 'userPurpose')
  return MAILBOX_PURPOSES.find((purpose) => purpose === said) ?? 'unknown'
}

/** A user that is not in Exchange at all is answered with a plain "not found" as well. */
const NO_MAILBOX = ['MailboxNotAvailable', 'OwnerGone', 'ItemGone']

function stateOf(error: unknown): MailboxState {
  if (NO_MAILBOX.some((code) => hasCode(error, code)) && error instanceof AppError) {
    const { graphCode } = error.context
    const code = typeof graphCode === 'string' && graphCode !== '' ? graphCode : error.code
    return { state: 'not-provisioned', code }
  }
  if (error instanceof AppError && error.kind === 'denied') {
    return { state: 'refused', code: error.code }
  }
  throw error
}
