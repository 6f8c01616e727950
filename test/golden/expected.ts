/**
 * What must be readable in a golden vault: its `expected.json`. Written from the script that made
 * the vault (what stood in the mailbox or drive), never from anything that read it.
 */
import { createHash } from 'node:crypto'

export interface ExpectedItem {
  kind: string
  container: string
  name: string
  /**
   * SHA-256 of the plaintext of each representation. Of `json` it is that of the service's answer
   * as `JSON.stringify` writes it, which is in the metadata segment.
   */
  representations: Record<string, string>
}

/** A state. */
export interface Shown {
  /** By Graph id; also what has left and is not deleted yet. */
  items: Record<string, ExpectedItem>
  /** Ids of items with an open `left` event. */
  left: string[]
  /** Reasons of open ledger entries. */
  ledger: Record<string, string>
}

/** The state after one commit. */
export interface ExpectedPoint extends Shown {
  seq: number
  /** What happened before, for people. */
  after: string
  /** Items of earlier points that are gone for good. */
  deleted: string[]
}

export interface Expected {
  owner: { id: string; graphId: string; kind: string; name: string }
  workload: string
  /** Seqs of the void commits. */
  voids: number[]
  /** The last one is the head. */
  points: ExpectedPoint[]
}

export function sha256(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The hash that stands for `json`. */
export function jsonHash(json: unknown): string {
  return sha256(JSON.stringify(json))
}
