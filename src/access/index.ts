export { type Access, type Caller, createAccess } from './access.ts'
export { type ApiRole, RIGHTS, type Right, ROLE_RIGHTS, ROLES } from './roles.ts'
export type { Fetch } from './signing-keys.ts'
