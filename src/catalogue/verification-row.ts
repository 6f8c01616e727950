/** What the catalogue keeps of a verification of the vault: how far it is, and what it found. */
import type { OwnerId } from '../model/ids.ts'

/** A verification of all owners on schedule. */
export interface Verification {
  id: string
  state: 'queued' | 'running' | 'done'
  createdAt: string
  /** When the first verification of this vault was created, as far as rows know. */
  firstAt: string
  startedAt?: string
  /** All owners are done with; the report says so. */
  endedAt?: string
  /** Written by every step; in the future while it waits. The reconciler looks at it. */
  heartbeatAt: string
  attempt: number
  /** Percent of segments and items that are opened; 0: hashes only. */
  openPercent: number
  /** Decides which ones. */
  seed: string
  /** ISO times until which everything must be locked, and nothing longer; absent: not looked at. */
  locks?: { until: string; most: string }
  /** The last owner that is done with, in the order of ids; empty: none. */
  position: string
  /** The owner under work. */
  open?: OpenVerification
  counts: VerificationCounts
  /** What was counted of all owners: segments opened, bytes of packs ... */
  sums: Record<string, number>
  /** Findings by their code, and by how grave they are. */
  found: Record<string, number>
  severities: { error: number; warning: number; notice: number }
  /** The gravest of them: opaque ids, and no more than fit (promise P9). */
  findings: Record<string, string | number>[]
  /** Codes of what kept from looking at owners, each with how many have it. */
  troubles: Record<string, number>
  /** Name of the report in `ops`, once it is there. */
  report?: string
}

export interface OpenVerification {
  owner: OwnerId
  /** ISO time at which its verification began. */
  began: string
  /** Of the step that works it: no other one writes what it found. Empty: none. */
  worker: string
  /** ISO time: until then that step may be at work; later, it has vanished. */
  until: string
  /** Steps that took it since it last came further. */
  tries: number
  /** Code of what it waits for; empty: nothing. */
  trouble: string
  /** Something was found lost, and is looked for once more before it is said. */
  again?: true
  /** As the vault's verification keeps it; absent: not begun. */
  progress?: unknown
}

export interface VerificationCounts {
  /** Owners that are done with, in whatever way. */
  owners: number
  /** Every segment was opened, and nothing is lost. */
  opened: number
  /** Those of the sample were. */
  sampled: number
  /** All hashes are right, and nothing was opened. */
  hashes: number
  /** Something cannot be read, or cannot be trusted. */
  damaged: number
  /** Nothing is held. */
  nothing: number
  /** They could not be looked at; `troubles` says why. */
  failed: number
  /** A record says that they were erased. */
  erased: number
}
