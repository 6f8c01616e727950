/**
 * Who may do what with the storage: the identities of DESIGN 5 and 9, with exactly their rights.
 *
 * Names of rights say what the service tells apart, not what a role is called. `add` creates a
 * blob that does not exist and nothing else; `write` also overwrites, which makes a new version.
 */
import type { QueueName } from '../../src/ports.ts'

export type BlobRight = 'read' | 'add' | 'write' | 'delete-version' | 'lock'
export type TableRight = 'read' | 'write'
export type KeyRight = 'create' | 'public' | 'index' | 'unwrap' | 'delete'

export interface Identity {
  name: string
  vault: readonly BlobRight[]
  ops: readonly BlobRight[]
  /** New blobs in `ops` only under this prefix; absent: nowhere. */
  opsPrefix?: string
  tables: readonly TableRight[]
  queues: readonly QueueName[]
  keys: readonly KeyRight[]
}

const TABLES_BOTH = ['read', 'write'] as const

export const IDENTITIES = {
  /** Backup: adds and reads; neither overwrites, deletes, locks, nor opens content (P5). */
  writer: {
    name: 'writer',
    vault: ['read', 'add'],
    ops: ['read'],
    tables: TABLES_BOTH,
    queues: ['backup-jobs'],
    keys: ['create', 'public', 'index'],
  },
  /** Restore, opening verification and drills: the only one that unwraps. */
  restorer: {
    name: 'restorer',
    vault: ['read'],
    ops: ['read', 'add'],
    opsPrefix: 'restore/',
    tables: TABLES_BOTH,
    queues: ['restore-jobs', 'backup-jobs'],
    keys: ['public', 'index', 'unwrap'],
  },
  /** What faces the internet: rows and names, no content. */
  reader: {
    name: 'reader',
    vault: ['read'],
    ops: ['read', 'add'],
    opsPrefix: 'access/',
    tables: TABLES_BOTH,
    queues: ['backup-jobs', 'restore-jobs'],
    keys: ['public', 'index'],
  },
  keeper: {
    name: 'keeper',
    vault: ['read', 'lock'],
    ops: ['read', 'add', 'lock'],
    opsPrefix: 'keeper/',
    tables: TABLES_BOTH,
    queues: [],
    keys: ['public', 'index'],
  },
  expirer: {
    name: 'expirer',
    vault: ['read', 'delete-version'],
    ops: ['read', 'add', 'delete-version'],
    opsPrefix: 'expirer/',
    tables: TABLES_BOTH,
    queues: [],
    keys: ['public', 'index', 'delete'],
  },
  /** Whoever holds the key of the storage account: what the writer must never be. */
  account: {
    name: 'account',
    vault: ['read', 'add', 'write', 'delete-version', 'lock'],
    ops: ['read', 'add', 'write', 'delete-version', 'lock'],
    opsPrefix: '',
    tables: TABLES_BOTH,
    queues: ['backup-jobs', 'restore-jobs'],
    keys: ['create', 'public', 'index', 'unwrap', 'delete'],
  },
} as const satisfies Record<string, Identity>

export type IdentityName = keyof typeof IDENTITIES
