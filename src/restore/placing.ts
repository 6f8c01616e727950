/**
 * What becomes of one item in its target folder, and under which name. Pure, but for the names
 * that it gives out: the items of a folder come one after the other, in the order of the plan.
 */
import type { GraphId } from '../model/ids.ts'
import type { ConflictPolicy, NameRules } from '../workloads/workload.ts'
import type { Verdict } from './conflicts.ts'
import type { ItemPlan } from './documents.ts'
import { NAME_MAX } from './limits.ts'
import type { FolderNames } from './names.ts'

export type Placed = Pick<ItemPlan, 'action' | 'name' | 'there' | 'thereChange' | 'via' | 'refusal'>

/** What the target folder says of an item that is in it. */
export interface Shown {
  nameOf(id: GraphId): string | undefined
  changeOf(id: GraphId): string | undefined
}

/** Where names are unique: the folder's names, and the rules for them. */
export interface NamedFolder {
  rules: NameRules
  names: FolderNames
  pathLength: number
}

export interface PlacingOptions {
  conflict: ConflictPolicy
  existing: Shown
  /** Absent: names are free. */
  named: NamedFolder | undefined
}

/** `verdict` undefined: it is listed, but no version of it is held. */
export function placeItem(
  name: string,
  verdict: Verdict | undefined,
  { conflict, existing, named }: PlacingOptions,
): Placed {
  const shown = name.slice(0, NAME_MAX)
  if (verdict === undefined) return { name: shown, action: 'none' }
  const there = verdict.verdict === 'missing' ? {} : { there: verdict.there }
  const action = actionOf(verdict, conflict)
  if (named === undefined) return { name: shown, action, ...there }
  if (action === 'there' || action === 'skip') return { name: shown, action, ...there }
  // What cannot be there under its own name cannot be there under a copy's, which is longer.
  const refusal = named.rules.problem(name, named.pathLength)
  if (refusal !== undefined) return { name: shown, action: 'refuse', refusal }
  if (verdict.verdict === 'missing') return given({ action, name: named.names.give(name) }, named)
  return beside({ name, there: verdict.there, action }, { existing, named })
}

function actionOf({ verdict }: Verdict, conflict: ConflictPolicy): ItemPlan['action'] {
  if (verdict === 'missing') return 'restore'
  return verdict === 'there' ? 'there' : conflict
}

/** Of an item whose counterpart is there with other content. */
function beside(
  { name, there, action }: { name: string; there: GraphId; action: ItemPlan['action'] },
  { existing, named }: { existing: Shown; named: NamedFolder },
): Placed {
  const { names } = named
  const theirs = existing.nameOf(there) ?? name
  if (action === 'version') return { action, name: theirs, there }
  if (action === 'copy') return given({ action, name: names.give(name), there }, named)
  // The one that is replaced may bear another name by now: then its old name, if it is free.
  const isFree = names.isSame(name, theirs) || names.isFree(name)
  const final = isFree ? name : theirs
  names.take(final)
  const thereChange = existing.changeOf(there)
  const via = names.giveCopy(final)
  return given(
    { action, name: final, there, via, ...(thereChange === undefined ? {} : { thereChange }) },
    named,
  )
}

/** Refused where the name that it got instead of its own is too long. */
function given(placed: Placed, { rules, pathLength }: NamedFolder): Placed {
  const refusal = rules.problem(placed.via ?? placed.name, pathLength)
  return refusal === undefined ? placed : { name: placed.name, action: 'refuse', refusal }
}
