/**
 * One SQLite file holds the whole tenant, so that it survives a restart or a kill.
 *
 * Invariants: WAL with synchronous=NORMAL: a killed process loses nothing that was committed (a
 * machine that loses power may lose the last moments, which a stand-in can afford). Every write
 * runs inside `transaction`. Seqs only grow; a deleted thing leaves a row that carries its seq.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { DRIVE_SCHEMA } from './drive-schema.ts'

const SCHEMA_VERSION = 2
/** Files of this format have mail only; they get the tables of sites and drives. */
const MAIL_ONLY_VERSION = 1

const SCHEMA = `
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE users(
  pk INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, deleted INTEGER NOT NULL,
  upn TEXT NOT NULL COLLATE NOCASE UNIQUE, profile TEXT NOT NULL, mailbox TEXT);
CREATE INDEX users_seq ON users(seq);
CREATE TABLE folders(
  pk INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL,
  parent INTEGER, name TEXT NOT NULL, well_known TEXT, hidden INTEGER NOT NULL, search TEXT,
  total INTEGER NOT NULL DEFAULT 0, unread INTEGER NOT NULL DEFAULT 0);
CREATE INDEX folders_user ON folders(user, seq);
CREATE INDEX folders_parent ON folders(parent);
CREATE TABLE gone_folders(user INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER PRIMARY KEY);
CREATE TABLE messages(
  pk INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER NOT NULL, folder INTEGER NOT NULL, seq INTEGER NOT NULL,
  immutable_id TEXT NOT NULL UNIQUE, mutable_id TEXT NOT NULL UNIQUE, moves INTEGER NOT NULL,
  created INTEGER NOT NULL, modified INTEGER NOT NULL, received INTEGER NOT NULL,
  sent INTEGER NOT NULL, is_read INTEGER NOT NULL, is_draft INTEGER NOT NULL,
  has_attachments INTEGER NOT NULL, importance TEXT NOT NULL, internet_id TEXT NOT NULL,
  conversation_id TEXT NOT NULL, subject TEXT NOT NULL, fields TEXT NOT NULL,
  body_type TEXT NOT NULL, recipe TEXT, body TEXT);
CREATE INDEX messages_delta ON messages(folder, seq);
CREATE INDEX messages_received ON messages(folder, received, pk);
CREATE INDEX messages_mailbox ON messages(user, received, pk);
CREATE INDEX messages_internet_id ON messages(user, internet_id);
CREATE TABLE sources(message INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE left_messages(
  seq INTEGER PRIMARY KEY, user INTEGER NOT NULL, folder INTEGER NOT NULL,
  immutable_id TEXT NOT NULL, mutable_id TEXT NOT NULL);
CREATE INDEX left_messages_delta ON left_messages(folder, seq);
CREATE TABLE attachments(
  pk INTEGER PRIMARY KEY, message INTEGER NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL,
  name TEXT NOT NULL, content_type TEXT, is_inline INTEGER NOT NULL, content_id TEXT,
  content_location TEXT, size INTEGER NOT NULL, modified INTEGER NOT NULL, recipe TEXT, item TEXT,
  content BLOB);
CREATE INDEX attachments_message ON attachments(message);
CREATE TABLE extended_properties(
  message INTEGER NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY(message, id)) WITHOUT ROWID;
CREATE INDEX extended_properties_value ON extended_properties(id, value COLLATE NOCASE);
CREATE TABLE mime_log(message TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL);
CREATE INDEX mime_log_message ON mime_log(message);
`

/** By the format that the file has. */
const MISSING_TABLES: ReadonlyMap<unknown, string> = new Map([
  [0, `${SCHEMA} ${DRIVE_SCHEMA}`],
  [MAIL_ONLY_VERSION, DRIVE_SCHEMA],
])

export type SqlRow = Record<string, unknown>

export class Database {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #seq: number
  #depth = 0
  /** Told of each committed transaction that changed something, with its last seq. */
  onCommit: (seq: number) => void = () => {}

  /** Opens or creates the file; `:memory:` keeps everything in this process. */
  constructor(file: string) {
    this.#db = new DatabaseSync(file)
    this.#db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536')
    const version = this.#db.prepare('PRAGMA user_version').get()?.['user_version']
    const missing = MISSING_TABLES.get(version)
    if (missing !== undefined)
      this.#db.exec(`BEGIN; ${missing} PRAGMA user_version=${SCHEMA_VERSION}; COMMIT`)
    else if (version !== SCHEMA_VERSION)
      throw new Error(`the state file has format ${String(version)}, this tenant ${SCHEMA_VERSION}`)
    this.#seq = Number(this.get(LAST_SEQ)?.['last'] ?? 0)
  }

  close(): void {
    this.#db.close()
  }

  /** The next value of the tenant-wide change counter; only inside a transaction. */
  nextSeq(): number {
    this.#seq += 1
    return this.#seq
  }

  lastSeq(): number {
    return this.#seq
  }

  /** Runs `work` atomically; nested calls join the outer transaction. Not for async work. */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return work()
    const seqBefore = this.#seq
    this.#db.exec('BEGIN IMMEDIATE')
    this.#depth = 1
    try {
      const result = work()
      this.#db.exec('COMMIT')
      if (this.#seq !== seqBefore) this.onCommit(this.#seq)
      return result
    } catch (error) {
      this.#db.exec('ROLLBACK')
      this.#seq = seqBefore
      throw error
    } finally {
      this.#depth = 0
    }
  }

  get(sql: string, ...values: SQLInputValue[]): SqlRow | undefined {
    return this.#prepare(sql).get(...values)
  }

  all(sql: string, ...values: SQLInputValue[]): SqlRow[] {
    return this.#prepare(sql).all(...values)
  }

  /** Returns the rowid of an insert. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).lastInsertRowid)
  }

  meta(key: string): string | undefined {
    const value = this.get('SELECT value FROM meta WHERE key = ?', key)?.['value']
    return typeof value === 'string' ? value : undefined
  }

  setMeta(key: string, value: string): void {
    this.run('INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)', key, value)
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}

const LAST_SEQ = `SELECT max(s) AS last FROM (
  SELECT max(seq) AS s FROM users UNION ALL SELECT max(seq) FROM folders
  UNION ALL SELECT max(seq) FROM gone_folders UNION ALL SELECT max(seq) FROM messages
  UNION ALL SELECT max(seq) FROM left_messages UNION ALL SELECT max(seq) FROM sites
  UNION ALL SELECT max(seq) FROM drives UNION ALL SELECT max(seq) FROM items
  UNION ALL SELECT max(shared_seq) FROM items)`
