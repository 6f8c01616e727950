/**
 * The names that are taken in a target folder: of what stands there, and of folders that the plan
 * makes in it.
 */
import type { GraphId } from '../model/ids.ts'
import type { FolderPlan, OpenSlot } from './documents.ts'
import type { ExistingItems } from './existing.ts'
import { FolderNames } from './names.ts'
import type { NamedFolder } from './placing.ts'
import type { StepContext } from './step-context.ts'

/** Of an ISO time. */
const DAY_CHARACTERS = 10

/** Names of the folders that a plan makes, by where. */
export type MadeIn = ReadonlyMap<string, readonly string[]>

export function foldersMade(folders: readonly OpenSlot<FolderPlan>[]): MadeIn {
  const made = new Map<string, string[]>()
  for (const { plan } of folders) {
    if (plan.action !== 'make' || plan.parent === undefined) continue
    const place = placeOf(plan.parent)
    const names = made.get(place)
    if (names) names.push(plan.name)
    else made.set(place, [plan.name])
  }
  return made
}

/** `at`: slot of the folder. Undefined where names are free. */
export function namedFolder(
  { deps, request, lease }: StepContext,
  madeIn: MadeIn,
  { folder, at, existing }: { folder: FolderPlan; at: number; existing: ExistingItems },
): NamedFolder | undefined {
  const { names: rules } = deps.workloads(request.workload)
  if (rules === undefined) return undefined
  const made = [{ slot: at }, ...(folder.target === undefined ? [] : [{ target: folder.target }])]
  const inside = made.flatMap((parent) => madeIn.get(placeOf(parent)) ?? [])
  const taken = [...existing.names, ...inside]
  const names = new FolderNames(rules, lease.job.createdAt.slice(0, DAY_CHARACTERS), taken)
  return { rules, names, pathLength: folder.pathLength ?? 0 }
}

function placeOf(parent: { slot: number } | { target: GraphId }): string {
  return 'slot' in parent ? `#${parent.slot}` : parent.target
}
