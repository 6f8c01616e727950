/**
 * What of a held permission can be given again, and how. Pure.
 *
 * People and groups are named by their directory id; by their address only where the service knew
 * no id, so that nobody who inherited somebody's address is let in. Everything that SharePoint
 * takes from nobody is told with a code and a sentence.
 */
import { isObject, type JsonObject, objectOf, objectsOf, textOf } from '../../graph/index.ts'

type Recipient = { objectId: string } | { email: string }

/** A call that gives it. */
interface Gift {
  action: 'invite' | 'createLink'
  body: JsonObject
}

/** Why it is not given again. */
interface Reason {
  code: string
  message: string
}

export type Wish = Gift | Reason

const REASONS = {
  Expired: 'It has expired since.',
  PasswordLink: 'It is a link with a password, which nobody can read again.',
  SiteGroup: 'It is for a group of the site; who is in it is a matter of the site.',
  Owner: 'It makes somebody an owner, which SharePoint lets nobody give to a single item.',
  NoRole: 'It says nothing of what it allows.',
  RoleNotGiven:
    'What it allows is more or other than reading and editing, which is all that can be given.',
  Application: 'It is for an application or a device, which cannot be invited.',
  LinkPeopleUnknown: 'It is a link for certain people, and who they are is not known.',
  LinkNotMade: 'It is a link of a kind that SharePoint makes no more.',
} as const

/** Given by an answer of the service. */
const REFUSALS: Readonly<Record<string, string>> = {
  PersonUnknown: 'The directory does not know this person or group any more.',
  SharingDisabled: 'Sharing with people outside is switched off for the target.',
  AccessDenied: 'SharePoint does not allow it there.',
  NotShown: 'SharePoint took it, and does not show it.',
}

export function refusalOf(code: string): Reason {
  return { code, message: REFUSALS[code] ?? 'SharePoint refused it.' }
}

function reason(code: keyof typeof REASONS): Reason {
  return { code, message: REASONS[code] }
}

export function isExpired(permission: JsonObject, now: number): boolean {
  const expires = expiryOf(permission)
  return expires !== undefined && expires <= now
}

export function wishOf(permission: JsonObject, now: number): Wish {
  if (isExpired(permission, now)) return reason('Expired')
  if (permission['hasPassword'] === true) return reason('PasswordLink')
  const link = objectOf(permission, 'link')
  return link === undefined ? inviteOf(permission) : linkOf(permission, link)
}

function inviteOf(permission: JsonObject): Wish {
  const role = roleOf(permission)
  if (typeof role !== 'string') return role
  const set = granteeOf(permission)
  const recipient = recipientOf(set)
  if ('code' in recipient) return recipient
  return {
    action: 'invite',
    body: {
      recipients: [recipient],
      roles: [role],
      requireSignIn: true,
      sendInvitation: false,
      retainInheritedPermissions: true,
      ...expirationOf(permission),
    },
  }
}

const LINK_TYPES = ['view', 'edit', 'blocksDownload']
const LINK_SCOPES = ['anonymous', 'organization', 'users']

function linkOf(permission: JsonObject, link: JsonObject): Wish {
  const type = linkTypeOf(link)
  const scope = textOf(link, 'scope') ?? ''
  if (!LINK_TYPES.includes(type) || !LINK_SCOPES.includes(scope)) return reason('LinkNotMade')
  const people = scope === 'users' ? objectsOf(permission, 'grantedToIdentitiesV2') : []
  const recipients = people.map(recipientOf)
  const known = recipients.filter((one) => !('code' in one))
  const isKnown = known.length > 0 && known.length === recipients.length
  if (scope === 'users' && !isKnown) return reason('LinkPeopleUnknown')
  return {
    action: 'createLink',
    body: {
      type,
      scope,
      sendNotification: false,
      retainInheritedPermissions: true,
      ...(scope === 'users' ? { recipients: known } : {}),
      ...expirationOf(permission),
    },
  }
}

/** As `createLink` names it. */
function linkTypeOf(link: JsonObject): string {
  return link['preventsDownload'] === true ? 'blocksDownload' : (textOf(link, 'type') ?? '')
}

function rolesOf(permission: JsonObject): string[] {
  const roles = permission['roles']
  return Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : []
}

function roleOf(permission: JsonObject): 'read' | 'write' | Reason {
  const roles = rolesOf(permission)
  if (roles.length === 0) return reason('NoRole')
  if (roles.includes('owner')) return reason('Owner')
  if (roles.some((role) => role !== 'read' && role !== 'write')) return reason('RoleNotGiven')
  return roles.includes('write') ? 'write' : 'read'
}

function granteeOf(permission: JsonObject): JsonObject {
  return objectOf(permission, 'grantedToV2') ?? {}
}

const SITE_GROUPS = ['siteGroup', 'sharePointGroup']
const PEOPLE = ['user', 'group', 'siteUser']

/** The one identity that a set is about; SharePoint repeats a person as a `siteUser`. */
function identityOf(set: JsonObject): { kind: string; identity: JsonObject } | undefined {
  const kinds = [...PEOPLE, ...SITE_GROUPS, 'application', 'device']
  const kind = kinds.find((name) => isObject(set[name]))
  const identity = kind === undefined ? undefined : objectOf(set, kind)
  return kind === undefined || identity === undefined ? undefined : { kind, identity }
}

function recipientOf(set: JsonObject): Recipient | Reason {
  const found = identityOf(set)
  if (found === undefined) return refusalOf('PersonUnknown')
  const { kind, identity } = found
  if (SITE_GROUPS.includes(kind)) return reason('SiteGroup')
  if (!PEOPLE.includes(kind)) return reason('Application')
  const id = textOf(identity, 'id')
  // The id of a `siteUser` is a number within its site.
  if (kind !== 'siteUser' && id !== undefined) return { objectId: id }
  const email = textOf(identity, 'email')
  return email === undefined ? refusalOf('PersonUnknown') : { email }
}

function expiryOf(permission: JsonObject): number | undefined {
  const ms = Date.parse(textOf(permission, 'expirationDateTime') ?? '')
  return Number.isNaN(ms) ? undefined : ms
}

function expirationOf(permission: JsonObject): JsonObject {
  const expirationDateTime = textOf(permission, 'expirationDateTime')
  return expirationDateTime === undefined ? {} : { expirationDateTime }
}

function endOf(permission: JsonObject): number {
  return expiryOf(permission) ?? Number.POSITIVE_INFINITY
}

/** The one among these that lets the same people do the same; undefined: none. */
export function inForce(
  permission: JsonObject,
  there: readonly JsonObject[],
): JsonObject | undefined {
  const link = objectOf(permission, 'link')
  return there.find((one) =>
    link === undefined ? coversGrant(one, permission) : isSameLink(one, permission, link),
  )
}

const RANKS = ['read', 'write', 'owner']

function rankOf(roles: readonly string[]): number {
  return Math.max(-1, ...roles.map((role) => RANKS.indexOf(role)))
}

function coversGrant(one: JsonObject, wanted: JsonObject): boolean {
  const key = keyOf(granteeOf(wanted))
  if (key === undefined || objectOf(one, 'link') !== undefined) return false
  if (keyOf(granteeOf(one)) !== key) return false
  const [has, wants] = [rolesOf(one), rolesOf(wanted)]
  const isOrdinary = wants.length > 0 && wants.every((role) => RANKS.includes(role))
  const allows = isOrdinary
    ? rankOf(has) >= rankOf(wants)
    : wants.length > 0 && wants.every((role) => has.includes(role))
  return allows && endOf(one) >= endOf(wanted)
}

/**
 * Links of a folder above are links of that folder. The tenant's rules may end one earlier than was
 * asked for.
 */
function isSameLink(one: JsonObject, wanted: JsonObject, link: JsonObject): boolean {
  const there = objectOf(one, 'link')
  if (there === undefined || objectOf(one, 'inheritedFrom') !== undefined) return false
  return (
    linkTypeOf(there) === linkTypeOf(link) &&
    textOf(there, 'scope') === textOf(link, 'scope') &&
    (one['hasPassword'] === true) === (wanted['hasPassword'] === true) &&
    endOf(one) <= endOf(wanted) &&
    (textOf(link, 'scope') !== 'users' || hasAll(peopleOf(one), peopleOf(wanted)))
  )
}

function peopleOf(permission: JsonObject): (string | undefined)[] {
  return objectsOf(permission, 'grantedToIdentitiesV2').map(keyOf)
}

function hasAll(there: (string | undefined)[], wanted: (string | undefined)[]): boolean {
  return wanted.length > 0 && wanted.every((key) => key !== undefined && there.includes(key))
}

function keyOf(set: JsonObject): string | undefined {
  const found = identityOf(set)
  if (found === undefined) return undefined
  const { kind, identity } = found
  const name = textOf(identity, 'id') ?? textOf(identity, 'email') ?? textOf(identity, 'loginName')
  return name === undefined ? undefined : `${kind} ${name.toLowerCase()}`
}

/** Who, or which link, for people. */
export function nameOfPermission(permission: JsonObject): string {
  const link = objectOf(permission, 'link')
  if (link !== undefined) {
    const people = objectsOf(permission, 'grantedToIdentitiesV2').map(displayOf)
    const named = textOf(link, 'scope') === 'users' ? people : []
    return ['link', linkTypeOf(link), textOf(link, 'scope'), ...named].filter(Boolean).join(', ')
  }
  return [displayOf(granteeOf(permission)), ...rolesOf(permission)].join(', ')
}

function displayOf(set: JsonObject): string {
  const found = identityOf(set)
  if (found === undefined) return 'somebody unknown'
  const { identity } = found
  return (
    textOf(identity, 'displayName') ??
    textOf(identity, 'email') ??
    textOf(identity, 'id') ??
    'somebody without a name'
  )
}

/** Its kind, never whom it is for (P9). */
export function kindOfPermission(permission: JsonObject): string {
  const link = objectOf(permission, 'link')
  if (link !== undefined) return `link ${linkTypeOf(link)} ${textOf(link, 'scope') ?? ''}`.trim()
  const kind = identityOf(granteeOf(permission))?.kind ?? 'unknown'
  return [kind, ...rolesOf(permission)].join(' ')
}
