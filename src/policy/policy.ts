/**
 * The protection policy: which resources are protected, and what of them.
 *
 * One default policy in this version. Lists name resources by address (compared without regard to
 * case) or by key; what excludes wins over what includes.
 */
import { z } from 'zod'
import { type KeyHash, WORKLOADS } from '../model/ids.ts'

/** Longer lists belong into a group, which a later version will resolve. */
const LIST_MAX = 5000
const entry = z.string().trim().min(1).max(320)

export const policySchema = z.strictObject({
  /** `all`: every resource that is not excluded. `listed`: only what `include` names. */
  mode: z.enum(['all', 'listed']),
  include: z.array(entry).max(LIST_MAX).default([]),
  exclude: z.array(entry).max(LIST_MAX).default([]),
  workloads: z.array(z.enum(WORKLOADS)).min(1).default(['mail']),
})

export type Policy = z.infer<typeof policySchema>

export const DEFAULT_POLICY: Policy = {
  mode: 'all',
  include: [],
  exclude: [],
  workloads: ['mail'],
}

export interface PolicySubject {
  key: KeyHash
  address: string
}

/** True where the policy asks for this resource to be protected. */
export function protects(policy: Policy, subject: PolicySubject): boolean {
  const named = (list: readonly string[]) =>
    list.some((e) => e === subject.key || e.toLowerCase() === subject.address.toLowerCase())
  if (named(policy.exclude)) return false
  return policy.mode === 'all' || named(policy.include)
}
