/**
 * Items that may have killed a worker: one that runs out of memory, say, leaves no error behind.
 *
 * The id of a large item is noted before its content is fetched and taken off afterwards. A slice
 * that follows one that vanished takes what is still noted as suspect: such an item goes to the
 * ledger with a reason of its own, so that it ends there, and not the owner as poison. After two
 * vanished slices every item is noted, and one is fetched at a time, so that the note names one.
 * A slice that was stopped from outside leaves a note too; its items are tried again in an hour.
 * The note is a hint: losing it costs one more attempt. It holds ids and no content.
 */
import { z } from 'zod'
import type { Catalogue } from '../catalogue/types.ts'
import type { GraphId, OwnerId, WorkloadName } from '../model/ids.ts'
import type { ItemFailure } from '../workloads/failure.ts'
import type { Present } from '../workloads/workload.ts'

/** Content from this size on is noted at any time: smaller items have never been a danger. */
const LARGE_BYTES = 16 * 1024 * 1024
/** Attempts, the present one included, from which on everything is noted. */
const WATCHFUL_ATTEMPTS = 3
const SUSPECTS_MAX = 20
/** Attempts that vanished, after which an owner is left alone for a day. */
export const POISON_ATTEMPTS = 4

export const KILLED_WORKER: ItemFailure = {
  reason: 'killed-worker',
  code: 'WorkerVanished',
  retry: true,
}

const noteSchema = z.object({ suspects: z.array(z.string()), loading: z.array(z.string()) })

type Notes = Pick<Catalogue, 'note' | 'saveNote'>

export interface SuspectsOf {
  owner: OwnerId
  workload: WorkloadName
  /** Of the owner's lease, the present one included. */
  attempts: number
}

/** The suspects of one stream, for one slice. */
export class Suspects {
  readonly #notes: Notes
  readonly #name: string
  readonly #isWatchful: boolean
  /** One more slice that vanishes, and the owner is poison. */
  readonly isLastChance: boolean
  readonly #signal: AbortSignal
  readonly #suspects: Set<string>
  readonly #loading = new Set<string>()
  /** Each note says what was true when it was written, so they are written one after another. */
  #saving: Promise<void> = Promise.resolve()
  readonly #hadNote: boolean

  private constructor(notes: Notes, of: SuspectsOf, found: Set<string>, signal: AbortSignal) {
    this.#notes = notes
    this.#name = noteName(of)
    this.#isWatchful = of.attempts >= WATCHFUL_ATTEMPTS
    this.isLastChance = of.attempts >= POISON_ATTEMPTS
    this.#suspects = found
    this.#hadNote = found.size > 0
    this.#signal = signal
  }

  /** Reads the note only where a slice has vanished: otherwise it says nothing. */
  static async open(notes: Notes, of: SuspectsOf, signal: AbortSignal): Promise<Suspects> {
    const text = of.attempts > 1 ? await notes.note(noteName(of), signal) : undefined
    const found = new Set<string>()
    if (text !== undefined) {
      const { suspects, loading } = noteSchema.parse(JSON.parse(text))
      for (const id of [...loading, ...suspects].slice(0, SUSPECTS_MAX)) found.add(id)
    }
    return new Suspects(notes, of, found, signal)
  }

  /** True once: whoever is told puts the item into the ledger. */
  accuses(item: GraphId): boolean {
    return this.#suspects.delete(item)
  }

  /** How many items may be fetched at once, of so many that the service allows. */
  concurrency(allowed: number): number {
    return this.#isWatchful ? 1 : allowed
  }

  /** Fetches content; the item is noted meanwhile if it is large, or everything is. */
  async during<T>(item: Present, fetch: () => Promise<T>): Promise<T> {
    if (!this.#isWatchful && (item.expectedBytes ?? 0) < LARGE_BYTES) return await fetch()
    this.#loading.add(item.id)
    await this.#save()
    try {
      return await fetch()
    } finally {
      this.#loading.delete(item.id)
      await this.#save()
    }
  }

  /** The slice ended in an ordinary way: who was found is in the ledger. */
  async settle(): Promise<void> {
    if (this.#hadNote) await this.#save()
  }

  async #save(): Promise<void> {
    const before = this.#saving
    const write = async (): Promise<void> => {
      const note = { suspects: [...this.#suspects], loading: [...this.#loading] }
      await this.#notes.saveNote(this.#name, JSON.stringify(note), this.#signal)
    }
    this.#saving = before.then(write, write)
    await this.#saving
  }
}

function noteName({ owner, workload }: SuspectsOf): string {
  return `loading-${owner}-${workload}`
}
