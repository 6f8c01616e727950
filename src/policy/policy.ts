/**
 * The protection policy: which resources are protected, and what of them.
 *
 * One default policy in this version. Lists name resources by address (compared without regard to
 * case) or by key; what excludes wins over what includes.
 */
import { z } from 'zod'
import { type KeyHash, WORKLOADS } from '../model/ids.ts'
import { retentionSchema } from '../model/retention.ts'

/** Longer lists belong into a group, which a later version will resolve. */
const LIST_MAX = 5000
/** SharePoint's usual limit of major versions. */
const VERSIONS_MAX = 500
const entry = z.string().trim().min(1).max(320)

export const policySchema = z.strictObject({
  /** `all`: every resource that is not excluded. `listed`: only what `include` names. */
  mode: z.enum(['all', 'listed']),
  include: z.array(entry).max(LIST_MAX).default([]),
  exclude: z.array(entry).max(LIST_MAX).default([]),
  workloads: z
    .array(z.enum(WORKLOADS))
    .min(1)
    .default([...WORKLOADS]),
  /**
   * Of a file that is new or was edited: how many of the versions that the service keeps besides are
   * captured too. Each costs a download, and their list two units.
   */
  fileVersions: z
    .union([z.enum(['none', 'all']), z.int().min(1).max(VERSIONS_MAX)])
    .default('none'),
  /**
   * How far back a state can be restored. A shorter time than before counts only 30 days after it was
   * written (vault/retention).
   */
  retention: retentionSchema.default('forever'),
})

export type Policy = z.infer<typeof policySchema>

export const DEFAULT_POLICY: Policy = {
  mode: 'all',
  include: [],
  exclude: [],
  workloads: [...WORKLOADS],
  fileVersions: 'none',
  retention: 'forever',
}

export interface PolicySubject {
  key: KeyHash
  /** Mail address of a user, web address of a site. */
  addresses: readonly string[]
}

/** True where the policy asks for this resource to be protected. */
export function protects(policy: Policy, subject: PolicySubject): boolean {
  if (excludes(policy, subject)) return false
  return policy.mode === 'all' || isNamed(policy.include, subject)
}

/** True where the policy names it among what is not to be protected. */
export function excludes(policy: Policy, subject: PolicySubject): boolean {
  return isNamed(policy.exclude, subject)
}

function isNamed(list: readonly string[], { key, addresses }: PolicySubject): boolean {
  const lower = addresses.map((address) => address.toLowerCase())
  return list.some((entry) => entry === key || lower.includes(entry.toLowerCase()))
}
