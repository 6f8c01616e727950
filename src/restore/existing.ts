/**
 * What a target folder holds now, as far as conflicts need it.
 *
 * Each existing item answers for one restored item only, beside itself: a folder that held two
 * copies of a message and has one left gets the second back.
 */
import { createHash } from 'node:crypto'
import { AppError } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import type { StreamWriter } from '../workloads/workload.ts'
import { EXISTING_MAX } from './limits.ts'

interface Existing {
  identity: string
  change: string
  name?: string
}

export class ExistingItems {
  readonly #items = new Map<GraphId, Existing>()
  readonly #taken = new Set<GraphId>()
  readonly #byIdentity = new Map<string, GraphId[]>()
  /** Of everything that is there, where names are unique. */
  readonly names: string[] = []

  /** Throws `TargetFolderTooLarge`, `TargetFolderUnreadable`, and what the writer throws. */
  static async read(
    writer: StreamWriter,
    container: GraphId,
    signal: AbortSignal,
  ): Promise<ExistingItems> {
    const existing = new ExistingItems()
    try {
      for await (const { kind, ...item } of writer.existing(container, signal)) {
        const { id, identity, change, name } = item
        if (name !== undefined) existing.names.push(name)
        const named = name === undefined ? {} : { name }
        if (kind === undefined) {
          existing.#add(id, { identity: identityHash(identity), change, ...named })
        }
        const found = Math.max(existing.#items.size, existing.names.length)
        if (found > EXISTING_MAX) throw targetTooLarge()
      }
    } catch (error) {
      // Not damage of one item, as the words of the service have it: nothing of the folder is told.
      if (error instanceof AppError && error.kind === 'corrupt') throw targetUnreadable(error)
      throw error
    }
    return existing
  }

  /** A folder that is made anew. */
  static none(): ExistingItems {
    return new ExistingItems()
  }

  get empty(): boolean {
    return this.#items.size === 0
  }

  /** Its change key, if it is there. */
  changeOf(id: GraphId): string | undefined {
    return this.#items.get(id)?.change
  }

  /** Its name, if it is there and names count. */
  nameOf(id: GraphId): string | undefined {
    return this.#items.get(id)?.name
  }

  /** Those of this identity that answer for no other item yet, in the order of their ids. */
  alike(identity: string): GraphId[] {
    const ids = this.#byIdentity.get(identityHash(identity)) ?? []
    return ids.filter((id) => !this.#taken.has(id)).sort()
  }

  isTaken(id: GraphId): boolean {
    return this.#taken.has(id)
  }

  /** From now on it answers for an item of the plan that is not itself. Idempotent. */
  take(id: GraphId): void {
    this.#taken.add(id)
  }

  #add(id: GraphId, item: Existing): void {
    // A list that changes while it is read may show an item twice.
    if (this.#items.has(id)) return
    this.#items.set(id, item)
    const ids = this.#byIdentity.get(item.identity)
    if (ids) ids.push(id)
    else this.#byIdentity.set(item.identity, [id])
  }
}

/** Short, so that folders with many items fit into memory. */
function identityHash(identity: string): string {
  return createHash('sha256').update(identity).digest('base64url').slice(0, 22)
}

function targetUnreadable(cause: AppError): AppError {
  return new AppError({
    code: 'TargetFolderUnreadable',
    kind: 'permanent',
    message: `A folder of the target cannot be listed (${cause.code}), so it cannot be told what is there already.`,
    hint: 'Select folders without it, or restore into another mailbox. A folder that cannot be read is in the ledger of its mailbox too.',
    cause,
  })
}

function targetTooLarge(): AppError {
  return new AppError({
    code: 'TargetFolderTooLarge',
    kind: 'permanent',
    message: `A target folder holds more than ${EXISTING_MAX} items, too many to compare.`,
    hint: 'Restore into a folder of its own: name one in the destination.',
  })
}
