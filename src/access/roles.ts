/**
 * Who may do what (DESIGN 9): five coarse roles, each a fixed set of rights.
 *
 * A caller has the union of the rights of its roles. Content is a right of Reader alone, so that
 * not even an Admin opens mail without a role that says so, in the directory, where it is seen.
 * docs/api.md repeats this table and a test compares them.
 */

export const ROLES = ['Viewer', 'Reader', 'Operator', 'Approver', 'Admin'] as const
export type ApiRole = (typeof ROLES)[number]

export const RIGHTS = [
  /** Coverage, runs, jobs and the list of resources; nothing of what is inside them. */
  'status',
  /** Names of folders and items, senders and dates. */
  'browse',
  /** The content of items. */
  'content',
  /** Start backup runs. */
  'run',
  /** Plan, start and cancel restores. */
  'restore',
  /** Setup and policy. */
  'administer',
] as const
export type Right = (typeof RIGHTS)[number]

export const ROLE_RIGHTS: Readonly<Record<ApiRole, readonly Right[]>> = {
  Viewer: ['status'],
  Reader: ['status', 'browse', 'content'],
  Operator: ['status', 'browse', 'run', 'restore'],
  /** Approves what others planned; sees which, and where it stands. */
  Approver: ['status'],
  Admin: ['status', 'browse', 'run', 'restore', 'administer'],
}

export function isApiRole(text: unknown): text is ApiRole {
  return (ROLES as readonly unknown[]).includes(text)
}

export function hasRight(roles: readonly ApiRole[], right: Right): boolean {
  return roles.some((role) => ROLE_RIGHTS[role].includes(right))
}

/** The roles that carry a right, for the sentence that says what is missing. */
export function rolesWith(right: Right): ApiRole[] {
  return ROLES.filter((role) => ROLE_RIGHTS[role].includes(right))
}
