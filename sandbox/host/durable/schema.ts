/**
 * The state file: one SQLite database, opened by one host at a time.
 *
 * WAL with synchronous=NORMAL: a killed process loses nothing, because the operating system has
 * the written pages; a power cut may lose the last transactions, but never tears one. The
 * exclusive lock ends with the process, so a killed host does not block the next one.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errorText, HostError } from '../errors.ts'

const schemaVersion = 1

const tables = `
CREATE TABLE IF NOT EXISTS instances (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, execution_id TEXT NOT NULL, status TEXT NOT NULL,
  version TEXT, input TEXT, output TEXT, custom_status TEXT, suspended INTEGER NOT NULL DEFAULT 0,
  parent TEXT, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS history (
  instance_id TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL,
  PRIMARY KEY (instance_id, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY, instance_id TEXT NOT NULL, execution_id TEXT,
  event TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS messages_of_instance ON messages (instance_id, seq);
CREATE TABLE IF NOT EXISTS activities (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, instance_id TEXT NOT NULL, execution_id TEXT NOT NULL,
  task_id INTEGER NOT NULL, name TEXT NOT NULL, input TEXT,
  dequeue_count INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE IF NOT EXISTS timers (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, instance_id TEXT NOT NULL, execution_id TEXT NOT NULL,
  timer_id INTEGER NOT NULL, fire_at_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS timers_by_due ON timers (due_ms);
CREATE INDEX IF NOT EXISTS timers_of_instance ON timers (instance_id);
CREATE TABLE IF NOT EXISTS timer_triggers (
  function_name TEXT PRIMARY KEY, last_ms INTEGER, next_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL) STRICT;
`

/** Opens or creates the state file; throws `state-in-use` when another host has it open. */
export function openState(path: string): DatabaseSync {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    database.exec('PRAGMA journal_mode = WAL')
    database.exec('PRAGMA synchronous = NORMAL')
    const row = database.prepare('PRAGMA user_version').get()
    const found = Number(row?.['user_version'] ?? 0)
    if (found !== 0 && found !== schemaVersion) {
      throw new Error(`it has schema ${found}, this host writes schema ${schemaVersion}`)
    }
    database.exec(`BEGIN IMMEDIATE; ${tables} PRAGMA user_version = ${schemaVersion}; COMMIT`)
    return database
  } catch (error) {
    database?.close()
    throw new HostError(
      'state-in-use',
      `the state file ${path} cannot be opened (is another host using it?): ${errorText(error)}`,
      { cause: error },
    )
  }
}
