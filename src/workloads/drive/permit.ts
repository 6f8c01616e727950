/**
 * Brings back who may see a file or folder that was made anew.
 *
 * Looks first, gives what is not in force, one call each, and reads back what came of it. Every call
 * is one that may be sent twice: an invitation of somebody who has the permission changes nothing,
 * and a link of the same kind is the one that is there; links for certain people are looked for
 * before they are made. No mail is sent to anybody. Each call costs five units.
 */
import { isObject, type JsonObject, objectOf, objectsOf, textOf } from '../../graph/index.ts'
import { AppError } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { NewLink, NotPermitted, PermitOutcome } from '../workload.ts'
import { unlessFalselyGone } from './false-gone.ts'
import { itemPath } from './paths.ts'
import { listPermissions } from './permissions.ts'
import type { TargetSite } from './site.ts'
import {
  inForce,
  isExpired,
  kindOfPermission,
  nameOfPermission,
  refusalOf,
  type Wish,
  wishOf,
} from './wishes.ts'

/** Calls for one item, so that one slice can be through with it. What is above is told. */
export const PERMITS_MAX = 200

const TOO_MANY = {
  code: 'TooManyPermissions',
  message: `Of one file or folder ${PERMITS_MAX} permissions are brought back.`,
} as const

/** Throws what is trouble of the whole site or network, and `ItemGone`. */
export async function permit(
  target: TargetSite,
  id: GraphId,
  permissions: Uint8Array,
  signal: AbortSignal,
): Promise<PermitOutcome> {
  const now = target.clock.now()
  const held = ownOf(permissions)
  const before = await listPermissions(target.sharePoint, id, signal)
  const refused = new Map<JsonObject, { code: string; message: string }>()
  let sent = 0
  for (const permission of held) {
    if (inForce(permission, before) !== undefined) continue
    const wish = wishOf(permission, now)
    if ('code' in wish) refused.set(permission, wish)
    else if (sent >= PERMITS_MAX) refused.set(permission, TOO_MANY)
    else {
      sent += 1
      const refusal = await give(target, id, wish, signal)
      if (refusal !== undefined) refused.set(permission, refusal)
    }
  }
  const after = sent === 0 ? before : await listPermissions(target.sharePoint, id, signal)
  return outcomeOf(held, { after, refused, now })
}

/** Nothing that can be read was held: nothing is given. */
function ownOf(permissions: Uint8Array): JsonObject[] {
  try {
    const held: unknown = JSON.parse(Buffer.from(permissions).toString('utf8'))
    if (isObject(held) && Array.isArray(held['own'])) return objectsOf(held, 'own')
  } catch {
    // The parser's own text quotes what is held, so it is not kept as the cause (P9).
  }
  throw new AppError({
    code: 'VersionUnreadable',
    kind: 'corrupt',
    message: 'The permissions that are held of it cannot be read.',
    hint: 'Verify the owner; restore another version of this item.',
  })
}

/** Undefined: the service took it. */
async function give(
  target: TargetSite,
  id: GraphId,
  { action, body }: Exclude<Wish, { code: string }>,
  signal: AbortSignal,
): Promise<{ code: string; message: string } | undefined> {
  const request = {
    name: `permissions.${action}`,
    method: 'POST',
    path: [...itemPath(id), action],
    body: JSON.stringify(body),
    charge: 'permissions',
  } as const
  const send = () => target.sharePoint.send(request, signal)
  try {
    await unlessFalselyGone(target, id, send, signal)
    return undefined
  } catch (error) {
    if (error instanceof AppError && isItsOwn(error)) return refusalOf(error.code)
    throw error
  }
}

/** Trouble with this permission and no other: the service answered, and said no. */
function isItsOwn({ kind, code, context }: AppError): boolean {
  if (context['status'] === 400 || code === 'RefusedAsGone') return true
  return kind === 'denied' && context['scope'] === 'item'
}

function outcomeOf(
  held: readonly JsonObject[],
  {
    after,
    refused,
    now,
  }: {
    after: readonly JsonObject[]
    refused: ReadonlyMap<JsonObject, { code: string; message: string }>
    now: number
  },
): PermitOutcome {
  const notRestored: NotPermitted[] = []
  const links: NewLink[] = []
  const missing = new Set<string>()
  for (const permission of held) {
    const there = inForce(permission, after)
    if (there === undefined) {
      const why = refused.get(permission) ?? refusalOf('NotShown')
      notRestored.push({ what: nameOfPermission(permission), ...why })
      // What nobody has any more is no difference.
      if (!isExpired(permission, now)) missing.add(kindOfPermission(permission))
    } else links.push(...newLinkOf(there))
  }
  const restored = held.length - notRestored.length
  return { restored, notRestored, links, missing: [...missing].sort() }
}

function newLinkOf(permission: JsonObject): NewLink[] {
  const link = objectOf(permission, 'link')
  if (link === undefined) return []
  const [type = '', scope = ''] = [textOf(link, 'type'), textOf(link, 'scope')]
  const address = textOf(link, 'webUrl')
  // The address of a link for anybody is a key to the file, and is kept nowhere (P9).
  const isKey = scope !== 'organization' && scope !== 'users'
  return [{ type, scope, ...(isKey || address === undefined ? {} : { address }) }]
}
