/**
 * What the audit knows: who did what to what, in opaque ids and numbers only (P9).
 */
import type { KeyHash, WorkloadName } from '../model/ids.ts'

export const AUDIT_ACTIONS = [
  'containers-listed',
  'items-listed',
  'item-shown',
  'content-read',
  'ledger-listed',
  'run-asked',
  'rebuild-asked',
  'restore-planned',
  'restore-started',
  'restore-cancelled',
  'restore-undo-planned',
  'restore-report-read',
  'policy-changed',
  'setup-run',
  /** Written by the chain itself when a new month begins. */
  'month-closed',
] as const
export type AuditAction = (typeof AUDIT_ACTIONS)[number]

export interface AuditEvent {
  action: AuditAction
  /** Object id from the token. */
  by: string
  resource?: KeyHash
  workload?: WorkloadName
  container?: KeyHash
  item?: KeyHash
  /** The commit as of which it was shown. */
  seq?: number
  /** Id of the run or the restore. */
  job?: string
  /** How many things the call named. */
  count?: number
}

export interface Audit {
  /**
   * Appends to the chain; the event is there when this returns. Throws `AuditUnavailable` where
   * that failed: then the caller must not do or show what it wanted to record.
   */
  record(event: AuditEvent, signal: AbortSignal): Promise<void>
}
