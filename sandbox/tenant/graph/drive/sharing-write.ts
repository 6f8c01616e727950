/**
 * Who is given access to an item, and from whom it is taken (facts/graph.md 3.7 "Permissions").
 *
 * Invariants: a mail is sent to everybody invited unless the call says that none shall be; people
 * outside can be given nothing where sharing with them is off (403, inside it `sharingDisabled`);
 * nobody can read a link's password again.
 */
import { z } from 'zod'
import type { Grantee, ItemPermission, SharingLink } from '../../drive-model.ts'
import type { Answer } from '../../http.ts'
import { stableGuid } from '../../ids.ts'
import type { TenantState } from '../../state/tenant-state.ts'
import { GraphError, notBuilt } from '../errors.ts'
import { parseBody } from '../inputs.ts'
import { context } from '../lists.ts'
import type { GraphRequest } from '../request.ts'
import { findItem, type ItemPlace } from './find.ts'
import { permissionJson } from './json.ts'
import { invalidRequest, notFound } from './refusals.ts'

const PERMISSIONS = 'permissions'

const Recipient = z.strictObject({
  '@odata.type': z.string().optional(),
  email: z.string().optional(),
  alias: z.string().optional(),
  objectId: z.string().optional(),
})
type RecipientInput = z.output<typeof Recipient>

const Time = z.iso.datetime({ offset: true }).optional()
const SHARED = {
  expirationDateTime: Time,
  password: z.string().min(1).optional(),
  message: z.string().optional(),
  retainInheritedPermissions: z.boolean().optional(),
} as const

const InviteBody = z.strictObject({
  ...SHARED,
  recipients: z.array(Recipient).min(1),
  roles: z.array(z.enum(['read', 'write'])).min(1),
  requireSignIn: z.boolean().optional(),
  sendInvitation: z.boolean().optional(),
})

const LinkBody = z.strictObject({
  ...SHARED,
  type: z.enum(['view', 'edit', 'embed', 'blocksDownload']),
  scope: z.enum(['anonymous', 'organization', 'users']).optional(),
  recipients: z.array(Recipient).optional(),
  sendNotification: z.boolean().optional(),
})

function sharingDisabled(): GraphError {
  const message = 'Sharing has been disabled on this site.'
  return new GraphError(403, 'accessDenied', message, {}, 'sharingDisabled')
}

/** Somebody of the directory; null: from outside. */
function memberOf(state: TenantState, { objectId, email, alias }: RecipientInput) {
  if (objectId !== undefined) {
    const user = state.users.find(objectId)
    if (user?.id === objectId) return user
    const message = 'One or more users could not be resolved.'
    throw new GraphError(400, 'invalidRequest', message, {}, 'noResolvedUsers')
  }
  const address = email ?? alias
  if (address === undefined) throw invalidRequest('A recipient needs an address or an id.')
  const wanted = address.toLowerCase()
  const user = state.users
    .all()
    .find(
      ({ profile }) =>
        profile.userPrincipalName.toLowerCase() === wanted ||
        profile.mail?.toLowerCase() === wanted,
    )
  return user ?? null
}

function granteeOf(state: TenantState, recipient: RecipientInput): Grantee {
  const user = memberOf(state, recipient)
  const isOutside = user === null || user.profile.userType === 'Guest'
  if (isOutside && !state.settings.externalSharing) throw sharingDisabled()
  if (user) {
    return { kind: 'user', id: user.id, displayName: user.profile.displayName }
  }
  const address = recipient.email ?? recipient.alias ?? ''
  return { kind: 'user', id: stableGuid('external', address), displayName: address }
}

function addressOf(state: TenantState, recipient: RecipientInput): string {
  return memberOf(state, recipient)?.profile.mail ?? recipient.email ?? recipient.alias ?? ''
}

function expiryOf(time: string | undefined): number | null {
  return time === undefined ? null : Math.floor(Date.parse(time) / 1_000) * 1_000
}

/** Taking away what is inherited is something that nothing here does. */
function checkInheritance({
  retainInheritedPermissions,
}: {
  retainInheritedPermissions?: boolean | undefined
}) {
  if (retainInheritedPermissions === false)
    throw notBuilt('breaking the inheritance of permissions')
}

function tell(
  { state }: GraphRequest,
  { item }: ItemPlace,
  { recipients, kind }: { recipients: readonly RecipientInput[]; kind: 'invitation' | 'link' },
): void {
  for (const recipient of recipients) {
    const atMs = state.nowMs()
    state.invitations.add({ item: item.id, recipient: addressOf(state, recipient), kind, atMs })
  }
}

export async function invite(request: GraphRequest): Promise<Answer> {
  const body = await parseBody(request, InviteBody)
  const place = findItem(request)
  const { state } = request
  checkInheritance(body)
  const grantees = body.recipients.map((recipient) => granteeOf(state, recipient))
  const given = state.db.transaction(() =>
    grantees.map((grantee) =>
      state.sharing.add(place.item, {
        roles: [...new Set(body.roles)],
        grantees: [grantee],
        link: null,
        hasPassword: body.password !== undefined,
        expiresMs: expiryOf(body.expirationDateTime),
      }),
    ),
  )
  if (body.sendInvitation !== false) {
    tell(request, place, { recipients: body.recipients, kind: 'invitation' })
  }
  return {
    status: 200,
    body: {
      '@odata.context': context(request, PERMISSIONS, null),
      value: given.map((permission) => permissionJson(place, { permission, from: place.item })),
    },
  }
}

const LINK_ROLES: Readonly<Record<SharingLink['type'], string>> = {
  view: 'read',
  embed: 'read',
  blocksDownload: 'read',
  edit: 'write',
}

export async function createLink(request: GraphRequest): Promise<Answer> {
  const body = await parseBody(request, LinkBody)
  const place = findItem(request)
  const { state } = request
  const { type, scope = 'organization', recipients = [] } = body
  checkInheritance(body)
  if (type === 'embed') throw invalidRequest('Embed links are for personal drives only.')
  if (scope === 'anonymous' && !state.settings.externalSharing) throw sharingDisabled()
  if (scope !== 'users' && recipients.length > 0) {
    throw invalidRequest('Only links to certain people have recipients.')
  }
  const permission = {
    roles: [LINK_ROLES[type]],
    grantees: recipients.map((recipient) => granteeOf(state, recipient)),
    link: { type, scope, preventsDownload: type === 'blocksDownload' },
    hasPassword: body.password !== undefined,
    expiresMs: expiryOf(body.expirationDateTime),
  }
  const known = alikeLink(state.sharing.own(place.item), permission)
  const made = known ?? state.db.transaction(() => state.sharing.add(place.item, permission))
  if (body.sendNotification === true) tell(request, place, { recipients, kind: 'link' })
  return {
    status: known ? 200 : 201,
    body: {
      '@odata.context': `${context(request, PERMISSIONS, null)}/$entity`,
      ...permissionJson(place, { permission: made, from: place.item }),
    },
  }
}

/** A second link of the same kind is the first one; links to certain people are each their own. */
function alikeLink(
  own: readonly ItemPermission[],
  wanted: Pick<ItemPermission, 'link' | 'hasPassword' | 'expiresMs'>,
): ItemPermission | undefined {
  if (wanted.link?.scope === 'users') return undefined
  return own.find(
    ({ link, hasPassword, expiresMs }) =>
      link?.type === wanted.link?.type &&
      link?.scope === wanted.link?.scope &&
      hasPassword === wanted.hasPassword &&
      expiresMs === wanted.expiresMs,
  )
}

export function deletePermission(request: GraphRequest): Answer {
  const place = findItem(request)
  const { state } = request
  const id = request.param('permission')
  const found = state.sharing.effective(place.item).find(({ permission }) => permission.id === id)
  if (!found) throw notFound()
  if (found.from.pk !== place.item.pk) {
    throw invalidRequest('An inherited permission is deleted where it was given.')
  }
  state.db.transaction(() => state.sharing.remove(place.item, found.permission))
  return { status: 204 }
}
