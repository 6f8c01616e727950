/**
 * What can be checked of a request from the catalogue alone, before a job exists.
 *
 * Runs in the role that faces people and may not write to the service: every refusal here has a
 * sentence that says what to do. The plan checks again what may change until it is made.
 */
import type { Catalogue, HeldItem, Resource, StreamTables } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import { CONTAINERS } from '../model/events.ts'
import { usualWorkload } from '../model/ids.ts'
import type { Clock } from '../ports.ts'
import type { RestorableWorkload } from '../workloads/workload.ts'
import { findItems, selectionUnknown } from './held.ts'
import type { PointInTime, RestoreRequest, StoredRequest } from './request.ts'
import { destinationUnknown, type RestoreDeps } from './step-context.ts'

/** Throws an AppError of kind `permanent` for everything that a person can put right. */
export async function admit(
  request: RestoreRequest,
  deps: Pick<RestoreDeps, 'catalogue' | 'clock' | 'workloads'>,
  signal: AbortSignal,
): Promise<StoredRequest> {
  const resource = await deps.catalogue.resources.get(request.resource, signal)
  if (!resource) throw refuse('ResourceUnknown')
  const { workload = usualWorkload(resource.kind) } = request
  const served = deps.workloads(workload)
  checkConflict(request, served)
  if (request.permissions === 'restore' && !served.permissions) {
    throw refuse('PermissionsNotOffered')
  }
  const owner = resource.owner
  if (owner === undefined || !(await deps.catalogue.owners.get(owner, signal))) {
    throw refuse('NothingHeld')
  }
  await checkDestination(request, resource, deps.catalogue, signal)
  const stream = deps.catalogue.stream(owner, workload)
  const { rollBack } = request
  const point = rollBack?.from ?? request.at
  const seq = await seqOf(point, stream, deps.clock, signal)
  const until = rollBack && (await seqOf(rollBack.until, stream, deps.clock, signal))
  if (until !== undefined && until <= seq) throw refuse('NothingBetween')
  const found = await checkSelection(request, stream, { seq, until }, signal)
  const { resource: key, selection, destination, conflict = 'skip' } = request
  const stored = {
    version: 1 as const,
    resource: key,
    owner,
    workload,
    seq,
    selection,
    destination,
  }
  const asked = served.permissions ? permissionsOf(request) : 'leave'
  const permissions = asked === 'restore' ? { permissions: asked } : {}
  if (rollBack === undefined || until === undefined) return { ...stored, conflict, ...permissions }
  const isVersion = ({ item }: HeldItem) => served.versionOf?.(item) !== undefined
  if (found.some(isVersion)) throw refuse('VersionNotRolledBack')
  const { appeared } = rollBack
  return { ...stored, conflict, ...permissions, rollBack: { until, appeared } }
}

/** Elsewhere nobody is let in who was not let in there, unless it is asked for. */
function permissionsOf({ permissions, destination }: RestoreRequest): 'restore' | 'leave' {
  return permissions ?? (destination.kind === 'original' ? 'restore' : 'leave')
}

function checkConflict(
  { conflict = 'skip' }: RestoreRequest,
  { name: workload, conflicts }: RestorableWorkload,
): void {
  const { policies, others = '' } = conflicts
  if (policies.includes(conflict)) return
  throw new AppError({
    code: 'ConflictNotOffered',
    kind: 'permanent',
    message: `A restore of ${workload} cannot answer conflicts with ${conflict}. ${others}`.trim(),
    hint: `Choose one of: ${policies.join(', ')}.`,
    context: { workload, conflict },
  })
}

/** Nothing can be written there now. */
const UNAVAILABLE: ReadonlySet<Resource['state']> = new Set(['gone', 'no-content', 'unreachable'])

async function checkDestination(
  request: RestoreRequest,
  from: Resource,
  catalogue: Catalogue,
  signal: AbortSignal,
): Promise<void> {
  const { destination } = request
  const to =
    destination.kind === 'original'
      ? from
      : await catalogue.resources.get(destination.resource, signal)
  if (!to) throw destinationUnknown()
  if (to.kind !== from.kind) throw refuse('DestinationOfAnotherKind')
  if (UNAVAILABLE.has(to.state)) throw refuse('DestinationUnavailable')
}

/** Undefined: the newest one. */
async function seqOf(
  asked: PointInTime | undefined,
  stream: StreamTables,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  const head = await stream.head(signal)
  if (!head) throw refuse('NothingHeld')
  if (asked === undefined) return head.seq
  if (typeof asked !== 'string') {
    if (asked.seq > head.seq) throw refuse('PointUnknown')
    return asked.seq
  }
  const time = new Date(asked)
  if (time.getTime() > clock.now()) throw refuse('TimeInFuture')
  const point = await stream.pointAt(time.toISOString(), signal)
  if (!point) throw refuse('BeforeFirstPoint')
  return point.seq
}

/** What is named by itself; of a roll back it may stand at either of its two points. */
async function checkSelection(
  request: RestoreRequest,
  stream: StreamTables,
  { seq, until }: { seq: number; until: number | undefined },
  signal: AbortSignal,
): Promise<HeldItem[]> {
  const { selection } = request
  if (selection.all) {
    const folders = await stream.list(CONTAINERS, seq, { max: 1 }, signal)
    if (folders.items.length === 0) throw refuse('NothingHeld')
    return []
  }
  const what = selection.items ? 'items' : 'folders'
  const kind = selection.items ? 'item' : 'container'
  const keys = selection.items ?? selection.containers ?? []
  const then = await findItems(stream, seq, keys, signal)
  const after = until === undefined ? [] : await findItems(stream, until, keys, signal)
  const found = then.map((held, at) => held ?? after[at])
  const missing = found.filter((held) => held?.kind !== kind).length
  if (missing > 0) throw selectionUnknown(missing, what)
  if (found.some((held) => held?.display.excluded !== undefined)) throw refuse('FolderNotProtected')
  return found.filter((held) => held !== undefined)
}

const REFUSALS = {
  ResourceUnknown: [
    'There is no resource with this key.',
    'Take the key from the list of resources.',
  ],
  NothingHeld: [
    'Nothing of this resource is in the backup yet.',
    'Wait until its first backup has run, and look at its recovery points.',
  ],
  DestinationUnavailable: [
    'The destination is gone, has no mailbox or cannot be reached, so nothing can be written there.',
    'Choose another resource as the destination. Where it has a mailbox again, start a run and ask again after it; set the policy anew before, and the run looks for sure.',
  ],
  DestinationOfAnotherKind: [
    'Mail goes into mailboxes and files go into sites: the destination is of the other kind.',
    'Choose a resource of the same kind. The files of a user are those of the site that "oneDrive" names.',
  ],
  PointUnknown: [
    'There is no recovery point with this number.',
    'Take the number from the list of recovery points.',
  ],
  TimeInFuture: [
    'The time to restore from lies in the future.',
    'Give a time that has passed; mind the time zone.',
  ],
  PermissionsNotOffered: [
    'What this workload holds has no permissions of its own.',
    'Leave "permissions" out.',
  ],
  BeforeFirstPoint: [
    'The backup of this resource began later than this time.',
    'Choose the first recovery point or a later time.',
  ],
  NothingBetween: [
    'A roll back needs two recovery points, and the second is not after the first.',
    'Give a "from" before the damage and an "until" after it, with a recovery point of each.',
  ],
  VersionNotRolledBack: [
    'An earlier version of a file has no two states that could be compared.',
    'Select the file itself; or restore the version with "at".',
  ],
  FolderNotProtected: [
    'A selected folder is shown but not protected (a search folder, for example).',
    'Leave it out: its items are in other folders, or are not backed up.',
  ],
} as const

function refuse(code: keyof typeof REFUSALS): AppError {
  const [message, hint] = REFUSALS[code]
  return new AppError({ code, kind: 'permanent', message, hint })
}
