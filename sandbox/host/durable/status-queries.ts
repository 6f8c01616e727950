/** Lists over instances: by creation time, status and id prefix, a page at a time. */
import type { DatabaseSync } from 'node:sqlite'
import { type RuntimeStatus, runtimeStatuses } from './history.ts'
import { type Instance, toInstance } from './store.ts'

export interface InstanceFilter {
  readonly createdFromMs: number
  readonly createdToMs: number
  /** Empty for all. */
  readonly statuses: readonly RuntimeStatus[]
  readonly idPrefix: string
}

export interface InstanceMeasure {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly events: number
  readonly historyBytes: number
}

const measuredMax = 10_000

export class StatusQueries {
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** The next instances by id after `afterId`; an id is stable, so a page is never shown twice. */
  page(filter: InstanceFilter, afterId: string, rowsMax: number): Instance[] {
    const statuses = filter.statuses.length > 0 ? filter.statuses : runtimeStatuses
    const rows = this.#database
      .prepare(
        `SELECT * FROM instances WHERE id > ? AND substr(id, 1, ?) = ?
           AND created_ms BETWEEN ? AND ?
           AND status IN (${statuses.map(() => '?').join(',')}) ORDER BY id LIMIT ?`,
      )
      .all(
        afterId,
        filter.idPrefix.length,
        filter.idPrefix,
        filter.createdFromMs,
        filter.createdToMs,
        ...statuses,
        rowsMax,
      )
    return rows.map(toInstance)
  }

  /** Size of every history, the newest instances first, so that growth shows in tests. */
  measures(): InstanceMeasure[] {
    const rows = this.#database
      .prepare(
        `SELECT id, name, status, count(seq) AS events,
           coalesce(sum(length(event)), 0) AS bytes
         FROM instances LEFT JOIN history ON instance_id = id
         GROUP BY id ORDER BY created_ms DESC, id LIMIT ?`,
      )
      .all(measuredMax)
    return rows.map((row) => ({
      id: String(row['id']),
      name: String(row['name']),
      status: String(row['status']),
      events: Number(row['events']),
      historyBytes: Number(row['bytes']),
    }))
  }
}
