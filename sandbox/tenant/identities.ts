/**
 * Who may sign in: two app registrations that are also managed identities, with the application
 * permissions that were granted to them. The values are fixed so that configuration files,
 * tests and demos can name them. They open nothing but this simulated tenant.
 */

export const TENANT_ID = '7c9e5a10-4b1d-4c7e-9a55-2f6d0b8e3a41'
export const BACKUP_CLIENT_ID = 'b0a5c0de-0001-4000-8000-000000000001'
export const RESTORE_CLIENT_ID = 'b0a5c0de-0002-4000-8000-000000000002'
export const BACKUP_CLIENT_SECRET = 'sandbox-backup-secret'
export const RESTORE_CLIENT_SECRET = 'sandbox-restore-secret'
/** What the sandbox puts into IDENTITY_HEADER of the apps it starts. */
export const DEFAULT_IDENTITY_HEADER = 'sandbox-identity-header'

export const GRAPH_RESOURCE = 'https://graph.microsoft.com'
export const API_RESOURCE = 'api://holdfast'
export const API_ROLES = ['Viewer', 'Reader', 'Operator', 'Approver', 'Admin'] as const
export type ApiRole = (typeof API_ROLES)[number]

/** Resources for which a token can be had; only Graph tokens carry Graph permissions. */
export const TOKEN_RESOURCES = [
  GRAPH_RESOURCE,
  API_RESOURCE,
  'https://storage.azure.com',
  'https://vault.azure.net',
  'https://management.azure.com',
] as const

export interface AppRegistration {
  readonly clientId: string
  readonly secret: string
  readonly displayName: string
  /** Object id of the service principal in this tenant. */
  readonly objectId: string
  readonly permissions: readonly string[]
}

/** The bundles of facts/graph.md 3.15, as far as this tenant serves them. */
const READ_PERMISSIONS = [
  'User.Read.All',
  'GroupMember.Read.All',
  'Mail.Read',
  'MailboxSettings.Read',
  'Sites.Read.All',
  'Files.Read.All',
] as const

export const DEFAULT_APPS: readonly AppRegistration[] = [
  {
    clientId: BACKUP_CLIENT_ID,
    secret: BACKUP_CLIENT_SECRET,
    displayName: 'Holdfast backup',
    objectId: 'b0a5c0de-0011-4000-8000-000000000001',
    permissions: READ_PERMISSIONS,
  },
  {
    clientId: RESTORE_CLIENT_ID,
    secret: RESTORE_CLIENT_SECRET,
    displayName: 'Holdfast restore',
    objectId: 'b0a5c0de-0012-4000-8000-000000000002',
    permissions: [
      ...READ_PERMISSIONS,
      'Mail.ReadWrite',
      'Sites.ReadWrite.All',
      'Files.ReadWrite.All',
    ],
  },
]
