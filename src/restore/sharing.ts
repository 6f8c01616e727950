/**
 * Which items and folders of a plan get their own permissions back: those that are made anew and
 * had some, where the request asks for it.
 */
import type { HeldItem } from '../catalogue/types.ts'
import type { FolderPlan, ItemPlan } from './documents.ts'
import { PLAN_PAGE } from './limits.ts'
import type { StepContext } from './step-context.ts'
import { contentsOf } from './versions.ts'

const MADE_ANEW: readonly ItemPlan['action'][] = ['restore', 'copy', 'replace']

/** A new version of what is there leaves it to those who may see it now. */
export function permissionsOf(
  { request }: Pick<StepContext, 'request'>,
  action: ItemPlan['action'],
  held: HeldItem | undefined,
): Pick<ItemPlan, 'permissions'> {
  if (request.permissions !== 'restore' || !MADE_ANEW.includes(action)) return {}
  const permissions = held && ownPermissions(held)
  return permissions === undefined ? {} : { permissions }
}

function ownPermissions({ representations, display }: HeldItem): ItemPlan['permissions'] {
  if (representations.some(({ name }) => name === 'permissions')) return 'held'
  return display.unread?.includes('permissions') ? 'unread' : undefined
}

/** The same folders; those that are made anew with the version whose permissions they get. */
export async function withPermissions(
  { request, stream, signal }: Pick<StepContext, 'request' | 'stream' | 'signal'>,
  plans: readonly FolderPlan[],
): Promise<FolderPlan[]> {
  if (request.permissions !== 'restore') return [...plans]
  const planned: FolderPlan[] = []
  for (let at = 0; at < plans.length; at += PLAN_PAGE) {
    const page = plans.slice(at, at + PLAN_PAGE)
    const made = page.flatMap(({ action, source }) =>
      action === 'make' && source !== undefined ? [source] : [],
    )
    const held = await stream.current(made, request.seq, signal)
    planned.push(...page.map((plan) => withVersion(plan, plan.source && held.get(plan.source))))
  }
  return planned
}

function withVersion(plan: FolderPlan, held: HeldItem | undefined): FolderPlan {
  if (plan.action !== 'make' || held === undefined || held.deleted) return plan
  const permissions = ownPermissions(held)
  if (permissions === undefined) return plan
  const { key, seq } = held
  return { ...plan, permissions, held: { key, seq, contents: contentsOf(held) } }
}
