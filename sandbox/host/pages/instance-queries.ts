/** What the pages ask of the state file; reading only. */
import type { DatabaseSync } from 'node:sqlite'
import { type RuntimeStatus, runtimeStatuses } from '../durable/history.ts'

export interface ListFilter {
  /** undefined for all. */
  readonly status: RuntimeStatus | undefined
  /** Part of an id or of a name, any letter case; '' for all. */
  readonly search: string
  /** How many of the newest are left out. */
  readonly skip: number
}

export interface ListedInstance {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly createdMs: number
  readonly updatedMs: number
  readonly events: number
  readonly historyBytes: number
}

/** What an open instance has under way. */
export interface Pending {
  readonly messages: number
  readonly activities: readonly string[]
  readonly timersDueMs: readonly number[]
}

const pendingShownMax = 20

export class InstanceQueries {
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** How many instances have each status; those without any are left out. */
  counts(): ReadonlyMap<RuntimeStatus, number> {
    const rows = this.#database
      .prepare('SELECT status, count(*) AS count FROM instances GROUP BY status')
      .all()
    const found = new Map(rows.map((row) => [String(row['status']), Number(row['count'])]))
    return new Map(
      runtimeStatuses.flatMap((status) => {
        const count = found.get(status)
        return count === undefined ? [] : [[status, count] as const]
      }),
    )
  }

  /** The newest first; one more than `rowsMax` when there are more. */
  page(filter: ListFilter, rowsMax: number): ListedInstance[] {
    const search = filter.search.toLowerCase()
    const rows = this.#database
      .prepare(
        `SELECT id, name, status, created_ms, updated_ms,
           (SELECT count(*) FROM history WHERE instance_id = id) AS events,
           (SELECT coalesce(sum(length(event)), 0) FROM history WHERE instance_id = id) AS bytes
         FROM instances
         WHERE (? = '' OR status = ?)
           AND (? = '' OR instr(lower(id), ?) > 0 OR instr(lower(name), ?) > 0)
         ORDER BY created_ms DESC, id LIMIT ? OFFSET ?`,
      )
      .all(
        ...[filter.status ?? '', filter.status ?? ''],
        ...[search, search, search],
        ...[rowsMax + 1, filter.skip],
      )
    return rows.map((row) => ({
      id: String(row['id']),
      name: String(row['name']),
      status: String(row['status']),
      createdMs: Number(row['created_ms']),
      updatedMs: Number(row['updated_ms']),
      events: Number(row['events']),
      historyBytes: Number(row['bytes']),
    }))
  }

  pending(id: string): Pending {
    const all = (sql: string): Record<string, unknown>[] =>
      this.#database.prepare(`${sql} LIMIT ${pendingShownMax}`).all(id)
    const messages = this.#database
      .prepare('SELECT count(*) AS count FROM messages WHERE instance_id = ?')
      .get(id)
    return {
      messages: Number(messages?.['count'] ?? 0),
      activities: all('SELECT name FROM activities WHERE instance_id = ? ORDER BY seq').map((row) =>
        String(row['name']),
      ),
      timersDueMs: all('SELECT due_ms FROM timers WHERE instance_id = ? ORDER BY due_ms').map(
        (row) => Number(row['due_ms']),
      ),
    }
  }
}
