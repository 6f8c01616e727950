/**
 * Which names SharePoint takes, and what it does where a name is taken (facts/graph.md 3.7).
 *
 * Names are unique in a folder, in any case. The limit of a path counts from the site on, decoded.
 */
import type { DriveItem } from '../../drive-model.ts'
import { ITEM_PATH_CHARACTERS_MAX } from '../../limits.ts'
import type { TenantState } from '../../state/tenant-state.ts'
import { GraphError } from '../errors.ts'
import type { ConflictBehavior } from '../query.ts'
import type { DrivePlace, ItemPlace } from './find.ts'
import { invalidRequest, nameExists } from './refusals.ts'

/** What the service looks for before it gives up: `name 1`, `name 2` ... */
const RENAMES_MAX = 1_000

const FORBIDDEN = /["*:<>?/\\|]/
/** Control characters are no part of any name. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\u0000-\u001f\u007f]/

/** Throws the 400 that says what is wrong with the name. */
export function checkName(name: string): void {
  const isGood =
    name !== '' &&
    name !== '.' &&
    !FORBIDDEN.test(name) &&
    !CONTROL.test(name) &&
    !/[. ]$/.test(name) &&
    !/^[ ~]/.test(name)
  if (!isGood) throw invalidRequest('The provided name cannot contain these characters.')
}

/** As far as names can be in this folder; `below`: the longest path under the item itself. */
export function checkPath(
  state: TenantState,
  place: ItemPlace,
  { name, below = 0 }: { readonly name: string; readonly below?: number },
): void {
  const { site, drive, item: folder } = place
  const path = [site.path, drive.folder, state.items.path(folder), name]
  const length = path.filter((part) => part !== '').join('/').length + below
  if (length <= ITEM_PATH_CHARACTERS_MAX) return
  throw new GraphError(400, 'pathIsTooLong', 'The path of the item is too long.')
}

/** Characters of the longest path below this item, its slash included; 0: nothing is below. */
export function lengthBelow(state: TenantState, item: DriveItem): number {
  const [, ...below] = state.items.subtree(item)
  const own = state.items.path(item).length
  return Math.max(0, ...below.map((each) => state.items.path(each).length - own))
}

/** `report 1.docx`, the first that is free. */
function freeName(state: TenantState, folder: DriveItem, name: string): string {
  const dot = name.lastIndexOf('.')
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, '']
  for (let n = 1; n <= RENAMES_MAX; n += 1) {
    const candidate = `${stem} ${n}${ending}`
    if (!state.items.childNamed(folder, candidate)) return candidate
  }
  throw nameExists()
}

/** The name that something gets, and what it has to take the place of. */
export interface Placement {
  readonly name: string
  readonly there?: DriveItem
}

/** Throws 409 where the name is taken and must not be. `itself` may keep its name. */
export function placeName(
  state: TenantState,
  folder: DriveItem,
  how: { readonly name: string; readonly behavior: ConflictBehavior; readonly itself?: DriveItem },
): Placement {
  const { name, behavior, itself } = how
  const there = state.items.childNamed(folder, name)
  if (!there || there.pk === itself?.pk) return { name }
  if (behavior === 'rename') return { name: freeName(state, folder, name) }
  if (behavior === 'replace') return { name, there }
  throw nameExists()
}

/** Whether so many more bytes fit; throws 507. Earlier versions are not counted here. */
export function checkDriveQuota(state: TenantState, { drive }: DrivePlace, bytes: number): void {
  if (state.items.byPk(drive.root).size + bytes <= drive.quotaBytes) return
  throw new GraphError(507, 'quotaLimitReached', 'Insufficient space available.')
}
