/**
 * What a target folder holds already, so that nothing is restored beside its own twin.
 *
 * A count for each identity, not a set: a folder that held two copies of a message and has one
 * left gets the second back. Each existing item answers for one restored item only.
 */
import { createHash } from 'node:crypto'
import { AppError } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import type { StreamWriter } from '../workloads/workload.ts'
import { EXISTING_MAX } from './limits.ts'

export class ExistingItems {
  readonly #counts = new Map<string, number>()
  #size = 0

  /** Throws `TargetFolderTooLarge`, and what the writer throws. */
  static async read(
    writer: StreamWriter,
    container: GraphId,
    signal: AbortSignal,
  ): Promise<ExistingItems> {
    const existing = new ExistingItems()
    for await (const item of writer.existing(container, signal)) {
      existing.#add(identityHash(item.identity), 1)
      existing.#size += 1
      if (existing.#size > EXISTING_MAX) throw targetTooLarge()
    }
    return existing
  }

  /** A folder that is made anew. */
  static none(): ExistingItems {
    return new ExistingItems()
  }

  get empty(): boolean {
    return this.#size === 0
  }

  /** True if an item with this identity is there that answers for no other one yet. */
  take(identity: string): boolean {
    const left = this.#counts.get(identity) ?? 0
    if (left > 0) this.#counts.set(identity, left - 1)
    return left > 0
  }

  #add(identity: string, by: number): void {
    this.#counts.set(identity, (this.#counts.get(identity) ?? 0) + by)
  }
}

/** Short and opaque, so that folders with many items fit into memory and slots hold no ids. */
export function identityHash(identity: string): string {
  return createHash('sha256').update(identity).digest('base64url').slice(0, 22)
}

function targetTooLarge(): AppError {
  return new AppError({
    code: 'TargetFolderTooLarge',
    kind: 'permanent',
    message: `A target folder holds more than ${EXISTING_MAX} items, too many to compare.`,
    hint: 'Restore into a folder of its own: name one in the destination.',
  })
}
