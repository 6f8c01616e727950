/**
 * A rebuild that a person asks for beside the app, or without one: where the tables are lost, or
 * where they are in use and the person says so.
 *
 * What stands in the tables is the whole protocol, so that the app, its timer and any number of
 * these may meet (decision 012): without a `ready` row nothing but rebuilds writes; with it each
 * owner is fenced while its rows are made.
 */
import type { Catalogue, Rebuild } from '../../catalogue/types.ts'
import { AppError } from '../../model/errors.ts'
import type { OwnerId } from '../../model/ids.ts'
import { iso } from '../../model/time.ts'
import type { Clock, Randomness, TableStore } from '../../ports.ts'
import { isReady } from './begin.ts'
import { newRebuild } from './work-list.ts'

export interface AskDeps {
  catalogue: Pick<Catalogue, 'ready' | 'rebuilds'>
  tables: Pick<TableStore, 'prepare'>
  clock: Pick<Clock, 'now'>
  random: Randomness
}

export interface RebuildRequest {
  /** Absent: every owner that the vault has. */
  owner?: OwnerId
  /** Who asks. */
  by: string
  /** Also where the tables are in use. */
  inUse: boolean
  /** Every worker that ran before now is known to be stopped: nobody is waited for. */
  allStopped: boolean
}

const ID_BYTES = 6
/** Newest rebuilds looked at: one that is open is among them. */
const REBUILDS_MAX = 50

/**
 * The row of the rebuild to drive: one that is open already is gone on with. Throws `TablesInUse`.
 */
export async function askForRebuild(
  request: RebuildRequest,
  deps: AskDeps,
  signal: AbortSignal,
): Promise<{ rebuild: Rebuild; isGoneOn: boolean }> {
  const { owner, by, inUse, allStopped } = request
  const ready = await isReady(deps.catalogue, signal)
  if (ready && !inUse) throw tablesInUse()
  await deps.tables.prepare(signal)
  const { rebuilds } = deps.catalogue
  const now = deps.clock.now()
  const stoppedBefore = allStopped ? iso(now) : undefined
  const open = await openFor(owner, deps.catalogue, signal)
  const joined =
    open && (await rebuilds.update(open.id, (row) => joinedBy(row, stoppedBefore), signal))
  if (joined) return { rebuild: joined, isGoneOn: true }
  const tail = Buffer.from(deps.random.bytes(ID_BYTES)).toString('hex')
  const id = `${iso(now).slice(0, 19).replaceAll(/[-:]/g, '')}Z-${tail}`
  const what = owner ? ({ scope: 'named', owners: [owner] } as const) : { scope: 'all' as const }
  const rebuild = newRebuild(
    { id, by, owners: [], ...what },
    { now, isLost: !ready || !owner, ...(stoppedBefore !== undefined && { stoppedBefore }) },
  )
  await rebuilds.insert(rebuild, signal)
  return { rebuild, isGoneOn: false }
}

/** Where all workers are stopped by now, its owners need not be waited for any longer. */
function joinedBy(rebuild: Rebuild, stoppedBefore: string | undefined): Rebuild {
  if (stoppedBefore === undefined) return rebuild
  const open = rebuild.open.map((entry) => ({ ...entry, dueAt: stoppedBefore }))
  return { ...rebuild, stoppedBefore, open }
}

async function openFor(
  owner: OwnerId | undefined,
  { rebuilds }: Pick<Catalogue, 'rebuilds'>,
  signal: AbortSignal,
): Promise<Rebuild | undefined> {
  const { items } = await rebuilds.list({ max: REBUILDS_MAX }, signal)
  return items.find(({ scope, state, open }) => {
    if (state === 'done') return false
    if (owner === undefined) return scope === 'all'
    return scope === 'named' && open.length === 1 && open[0]?.owner === owner
  })
}

function tablesInUse(): AppError {
  return new AppError({
    code: 'TablesInUse',
    kind: 'permanent',
    message: 'These tables are in use: their catalogue is ready, and Holdfast writes to it.',
    hint:
      'Look with --compare whether anything differs. If rows are to be made anew all the same, ' +
      'say --in-use: each owner is then taken out of use while its own are made.',
  })
}
