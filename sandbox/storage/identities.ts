/**
 * Who may do what with the storage: the identities of DESIGN 5 and 9, with exactly their rights.
 *
 * Names of rights say what the service tells apart, not what a role is called:
 *
 * | right | data action below `.../containers/blobs/` | permits |
 * |---|---|---|
 * | `read` | `read` | reading and listing, versions too |
 * | `add` | `add/action` | creating a blob that does not exist, nothing else |
 * | `write` | `write` | overwriting, which makes a new version; tiers; undeleting |
 * | `delete` | `delete` | taking the current version away from its name: it becomes an earlier one |
 * | `delete-version` | `deleteBlobVersion/action` | deleting an earlier version |
 * | `lock` | `immutableStorage/runAsSuperUser/action` | locks: set, extend; shorten, remove if unlocked |
 * | `hold` | the same, or `containers/write`: Microsoft's pages differ | legal holds |
 */
import type { QueueName } from '../../src/ports.ts'

export type BlobRight = 'read' | 'add' | 'write' | 'delete' | 'delete-version' | 'lock' | 'hold'
export type TableRight = 'read' | 'write'
export type KeyRight = 'create' | 'public' | 'index' | 'unwrap' | 'delete'

export interface Identity {
  name: string
  vault: readonly BlobRight[]
  ops: readonly BlobRight[]
  /** New blobs in `ops` only under one of these prefixes; absent: nowhere. */
  opsPrefixes?: readonly string[]
  tables: readonly TableRight[]
  queues: readonly QueueName[]
  keys: readonly KeyRight[]
}

const TABLES_BOTH = ['read', 'write'] as const
const BLOBS_ALL = ['read', 'add', 'write', 'delete', 'delete-version', 'lock', 'hold'] as const

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
    opsPrefixes: ['restore/', 'verify/'],
    tables: TABLES_BOTH,
    queues: ['restore-jobs', 'backup-jobs'],
    keys: ['public', 'index', 'unwrap'],
  },
  /** What faces the internet: rows and names, no content. */
  reader: {
    name: 'reader',
    vault: ['read'],
    ops: ['read', 'add'],
    opsPrefixes: ['access/'],
    tables: TABLES_BOTH,
    queues: ['backup-jobs', 'restore-jobs'],
    keys: ['public', 'index'],
  },
  /** Extends locks and sets holds; the worst that a stolen one does is to lock for too long. */
  keeper: {
    name: 'keeper',
    vault: ['read', 'lock', 'hold'],
    ops: ['read', 'add', 'lock', 'hold'],
    opsPrefixes: ['keeper/'],
    tables: TABLES_BOTH,
    queues: [],
    keys: ['public', 'index'],
  },
  /** Deletes what nothing protects any more. */
  expirer: {
    name: 'expirer',
    vault: ['read', 'delete', 'delete-version'],
    ops: ['read', 'add', 'delete', 'delete-version'],
    opsPrefixes: ['expirer/'],
    tables: TABLES_BOTH,
    queues: [],
    keys: ['public', 'index', 'delete'],
  },
  /** Whoever holds the key of the storage account: what the writer must never be. */
  account: {
    name: 'account',
    vault: BLOBS_ALL,
    ops: BLOBS_ALL,
    opsPrefixes: [''],
    tables: TABLES_BOTH,
    queues: ['backup-jobs', 'restore-jobs'],
    keys: ['create', 'public', 'index', 'unwrap', 'delete'],
  },
} as const satisfies Record<string, Identity>

export type IdentityName = keyof typeof IDENTITIES
