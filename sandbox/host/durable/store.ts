/**
 * The durable state behind the dispatcher: instances, history, messages, activities, timers.
 *
 * Invariants: one episode is one transaction; an activity's answer is one transaction (delete the
 * item, insert the message). Whatever was not committed happens again after a restart. Messages
 * are delivered in the order of their numbers; those that a continueAsNew carries over get numbers
 * before all others. Not here: status lists (status-queries.ts), timer triggers (timers/).
 */
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import {
  eventBase,
  eventTypes,
  type HistoryEvent,
  type ParentInstance,
  type RuntimeStatus,
} from './history.ts'

export interface Instance {
  readonly id: string
  readonly name: string
  readonly executionId: string
  readonly status: RuntimeStatus
  readonly version: string | null
  readonly input: string | null
  readonly output: string | null
  readonly customStatus: string | null
  readonly suspended: boolean
  readonly parent: ParentInstance | null
  readonly createdMs: number
  readonly updatedMs: number
}

export interface StoredMessage {
  readonly seq: number
  /** null: for whichever execution is current (events, terminate, suspend). */
  readonly executionId: string | null
  readonly event: HistoryEvent
}

export interface ActivityItem {
  readonly seq: number
  readonly instanceId: string
  readonly executionId: string
  readonly taskId: number
  readonly name: string
  /** JSON text of the input, null for none. */
  readonly input: string | null
  /** How often it was handed out before; more than 0 means that it may have run already. */
  readonly dequeueCount: number
}

export interface NewInstance {
  readonly id: string
  readonly name: string
  readonly executionId: string
  readonly version: string | null
  readonly input: string | null
  readonly parent: ParentInstance | null
}

/** A suspended instance may hold back more than one episode takes. */
const heldMessagesMax = 100_000

/** Messages that one episode takes at most; the rest is for the next one. */
export const messagesPerEpisodeMax = 256

export class DurableStore {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #messageSeqNext: number
  #messageSeqFront: number

  constructor(database: DatabaseSync) {
    this.#database = database
    const range = this.#row('SELECT min(seq) AS first, max(seq) AS last FROM messages')
    this.#messageSeqFront = Math.min(0, Number(range?.['first'] ?? 0)) - 1
    this.#messageSeqNext = Math.max(0, Number(range?.['last'] ?? 0)) + 1
  }

  /** Runs `work` as one transaction; an exception rolls everything back and is thrown on. */
  transaction<T>(work: () => T, beforeCommit?: () => void): T {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      beforeCommit?.()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
  }

  instance(id: string): Instance | undefined {
    const row = this.#row('SELECT * FROM instances WHERE id = ?', id)
    return row === undefined ? undefined : toInstance(row)
  }

  /** Replaces whatever a finished instance of the same id left behind. */
  createInstance(instance: NewInstance, nowMs: number): void {
    this.deleteInstance(instance.id)
    const { id, name, executionId, version, input } = instance
    const parent = instance.parent === null ? null : JSON.stringify(instance.parent)
    this.#run(
      `INSERT INTO instances (id, name, execution_id, status, version, input, parent, created_ms,
         updated_ms) VALUES (?, ?, ?, 'Pending', ?, ?, ?, ?, ?)`,
      ...[id, name, executionId, version, input, parent, nowMs, nowMs],
    )
    this.addStart(instance, nowMs)
  }

  /** Only the start message; for an instance that is there already it is a collision. */
  addStart(instance: NewInstance, nowMs: number): void {
    this.addMessage(instance.id, instance.executionId, startedEvent(instance, nowMs))
  }

  /** The row of an entity; its state is its input, written by the batch that creates it. */
  createEntity(id: string, nowMs: number): void {
    this.#run(
      `INSERT INTO instances (id, name, execution_id, status, version, created_ms, updated_ms)
         VALUES (?, ?, '', 'Running', '', ?, ?)`,
      ...[id, id, nowMs, nowMs],
    )
  }

  /** Removes everything but queued activities, which run to their end as on the real backend. */
  deleteInstance(id: string): boolean {
    this.clearExecution(id)
    this.#run('DELETE FROM messages WHERE instance_id = ?', id)
    return this.#run('DELETE FROM instances WHERE id = ?', id) > 0
  }

  /** Removes history and timers; messages stay (they name their execution where it matters). */
  clearExecution(id: string): void {
    this.#run('DELETE FROM history WHERE instance_id = ?', id)
    this.clearTimers(id)
  }

  clearTimers(id: string): void {
    this.#run('DELETE FROM timers WHERE instance_id = ?', id)
  }

  updateInstance(
    id: string,
    change: {
      readonly status: RuntimeStatus
      readonly output: string | null
      readonly customStatus: string | null
      readonly suspended: boolean
      readonly executionId?: string
      readonly input?: string | null
    },
    nowMs: number,
  ): void {
    const { status, output, customStatus, suspended } = change
    this.#run(
      `UPDATE instances SET status = ?, output = ?, custom_status = ?, suspended = ?,
         updated_ms = ? WHERE id = ?`,
      ...[status, output, customStatus, suspended ? 1 : 0, nowMs, id],
    )
    if (change.executionId === undefined) return
    this.#run(
      'UPDATE instances SET execution_id = ?, input = ? WHERE id = ?',
      ...[change.executionId, change.input ?? null, id],
    )
  }

  /** The stored events as JSON texts, oldest first; all of them have been played. */
  historyTexts(id: string): string[] {
    const rows = this.#rows('SELECT event FROM history WHERE instance_id = ? ORDER BY seq', id)
    return rows.map((row) => String(row['event']))
  }

  appendHistory(id: string, from: number, events: readonly HistoryEvent[]): void {
    for (const [index, event] of events.entries()) {
      const text = JSON.stringify({ ...event, IsPlayed: true })
      this.#run('INSERT INTO history VALUES (?, ?, ?)', id, from + index, text)
    }
  }

  addMessage(id: string, executionId: string | null, event: HistoryEvent, front = false): void {
    const seq = front ? this.#messageSeqFront-- : this.#messageSeqNext++
    this.#run('INSERT INTO messages VALUES (?, ?, ?, ?)', seq, id, executionId, toText(event))
  }

  /** Events that must come before all that is already waiting, in the given order. */
  addMessagesInFront(id: string, executionId: string, events: readonly HistoryEvent[]): void {
    for (const event of events.toReversed()) this.addMessage(id, executionId, event, true)
  }

  /** The oldest messages; all of them when some are held back, so that the resume is found. */
  messages(id: string, limit: 'one-episode' | 'held-too'): StoredMessage[] {
    const rows = this.#rows(
      'SELECT * FROM messages WHERE instance_id = ? ORDER BY seq LIMIT ?',
      id,
      limit === 'held-too' ? heldMessagesMax : messagesPerEpisodeMax,
    )
    return rows.map((row) => ({
      seq: Number(row['seq']),
      executionId: textOrNull(row['execution_id']),
      event: JSON.parse(String(row['event'])) as HistoryEvent,
    }))
  }

  deleteMessages(sequences: readonly number[]): void {
    for (const seq of sequences) this.#run('DELETE FROM messages WHERE seq = ?', seq)
  }

  deleteMessagesOf(id: string): void {
    this.#run('DELETE FROM messages WHERE instance_id = ?', id)
  }

  instancesWithMessages(): string[] {
    const rows = this.#rows('SELECT DISTINCT instance_id FROM messages')
    return rows.map((row) => String(row['instance_id']))
  }

  addActivity(item: Omit<ActivityItem, 'seq' | 'dequeueCount'>): void {
    const { instanceId, executionId, taskId, name, input } = item
    this.#run(
      `INSERT INTO activities (instance_id, execution_id, task_id, name, input)
         VALUES (?, ?, ?, ?, ?)`,
      ...[instanceId, executionId, taskId, name, input],
    )
  }

  /** Items after `seq`, oldest first; every item that is not finished is one of them. */
  activitiesAfter(seq: number, itemsMax: number): ActivityItem[] {
    const rows = this.#rows(
      'SELECT * FROM activities WHERE seq > ? ORDER BY seq LIMIT ?',
      seq,
      itemsMax,
    )
    return rows.map(toActivityItem)
  }

  countDequeue(seq: number): void {
    this.#run('UPDATE activities SET dequeue_count = dequeue_count + 1 WHERE seq = ?', seq)
  }

  deleteActivity(seq: number): void {
    this.#run('DELETE FROM activities WHERE seq = ?', seq)
  }

  addTimer(
    id: string,
    executionId: string,
    timer: { timerId: number; fireAtMs: number; dueMs: number },
  ): void {
    this.#run(
      `INSERT INTO timers (instance_id, execution_id, timer_id, fire_at_ms, due_ms)
         VALUES (?, ?, ?, ?, ?)`,
      ...[id, executionId, timer.timerId, timer.fireAtMs, timer.dueMs],
    )
  }

  nextTimerDueMs(): number | undefined {
    const due = this.#row('SELECT min(due_ms) AS due FROM timers')?.['due']
    return due === null || due === undefined ? undefined : Number(due)
  }

  /** Turns every timer that is due into a message, in one transaction; answers the instances. */
  fireTimers(nowMs: number): string[] {
    return this.transaction(() => {
      const rows = this.#rows('SELECT * FROM timers WHERE due_ms <= ? ORDER BY due_ms, seq', nowMs)
      for (const row of rows) {
        const fireAt = new Date(Number(row['fire_at_ms'])).toISOString()
        this.addMessage(String(row['instance_id']), String(row['execution_id']), {
          ...eventBase(nowMs),
          EventType: eventTypes.timerFired,
          TimerId: Number(row['timer_id']),
          FireAt: fireAt,
        })
        this.#run('DELETE FROM timers WHERE seq = ?', Number(row['seq']))
      }
      return [...new Set(rows.map((row) => String(row['instance_id'])))]
    })
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #run(sql: string, ...values: (string | number | null)[]): number {
    return Number(this.#statement(sql).run(...values).changes)
  }

  #row(sql: string, ...values: (string | number)[]): Row | undefined {
    return this.#statement(sql).get(...values)
  }

  #rows(sql: string, ...values: (string | number)[]): Row[] {
    return this.#statement(sql).all(...values)
  }
}

export type Row = Record<string, SQLOutputValue>

function startedEvent(instance: NewInstance, nowMs: number): HistoryEvent {
  return {
    ...eventBase(nowMs),
    EventType: eventTypes.executionStarted,
    Name: instance.name,
    Version: instance.version,
    Input: instance.input,
    OrchestrationInstance: { InstanceId: instance.id, ExecutionId: instance.executionId },
    ParentInstance: instance.parent,
  }
}

function toText(event: HistoryEvent): string {
  return JSON.stringify(event)
}

function textOrNull(value: SQLOutputValue | undefined): string | null {
  return typeof value === 'string' ? value : null
}

export function toInstance(row: Row): Instance {
  const parent = textOrNull(row['parent'])
  return {
    id: String(row['id']),
    name: String(row['name']),
    executionId: String(row['execution_id']),
    status: String(row['status']) as RuntimeStatus,
    version: textOrNull(row['version']),
    input: textOrNull(row['input']),
    output: textOrNull(row['output']),
    customStatus: textOrNull(row['custom_status']),
    suspended: Number(row['suspended']) === 1,
    parent: parent === null ? null : (JSON.parse(parent) as ParentInstance),
    createdMs: Number(row['created_ms']),
    updatedMs: Number(row['updated_ms']),
  }
}

function toActivityItem(row: Row): ActivityItem {
  return {
    seq: Number(row['seq']),
    instanceId: String(row['instance_id']),
    executionId: String(row['execution_id']),
    taskId: Number(row['task_id']),
    name: String(row['name']),
    input: textOrNull(row['input']),
    dequeueCount: Number(row['dequeue_count']),
  }
}
