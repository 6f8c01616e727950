/**
 * What the HTTP API needs from the rest of Holdfast; app.ts gives it.
 */
import type { Access } from '../../access/index.ts'
import type { Audit } from '../../audit/index.ts'
import type { Catalogue } from '../../catalogue/types.ts'
import type { WorkloadName } from '../../model/ids.ts'
import type { PolicyStore } from '../../policy/index.ts'
import type { Clock, QueueSender, Randomness } from '../../ports.ts'
import type { Restore } from '../../restore/index.ts'
import type { VaultApi } from '../../vault/types.ts'

/** Structured; opaque ids, codes and numbers only (P9). Does not throw. */
export interface HttpLog {
  info(event: string, fields: LogFields): void
  error(event: string, fields: LogFields): void
}
type LogFields = Readonly<Record<string, string | number | boolean>>

export interface HttpDeps {
  access: Access
  audit: Audit
  catalogue: Catalogue
  vault: Pick<VaultApi, 'reader'>
  queues: Pick<QueueSender, 'send'>
  restore: Pick<Restore, 'create' | 'start' | 'cancel' | 'undo' | 'report'>
  policy: Pick<PolicyStore, 'read' | 'write'>
  /** Kinds of content that this installation offers. */
  workloads: readonly WorkloadName[]
  /** Prepares vault, tables, queues and the default policy. Idempotent. Says what it did. */
  setup(by: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>
  clock: Pick<Clock, 'now'>
  random: Randomness
  log: HttpLog
}
