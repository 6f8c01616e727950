/**
 * How much an owner's sources hold, asked once before its first copy: what an estimate of the
 * whole is made from (runs/estimate.ts). Trouble with it is no trouble of the copy.
 */
import type { Owner, SourceSize } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import type { StreamReader } from '../workloads/workload.ts'

export class SourceSizes {
  readonly #isWanted: boolean
  #sum: SourceSize | undefined

  constructor(owner: Pick<Owner, 'completeAt' | 'source'>) {
    this.#isWanted = owner.completeAt === undefined && owner.source === undefined
  }

  /** What was said, to be spread into what a slice learnt. */
  get found(): { source?: SourceSize } {
    return this.#sum === undefined ? {} : { source: this.#sum }
  }

  /** Throws defects only; what the service does not tell now is asked for by the next slice. */
  async ask(reader: Pick<StreamReader, 'size'>, signal: AbortSignal): Promise<void> {
    if (!this.#isWanted || reader.size === undefined) return
    try {
      this.#add(await reader.size(signal))
    } catch (error) {
      if (!(error instanceof AppError) || error.kind === 'bug') throw error
    }
  }

  #add({ items, bytes }: SourceSize): void {
    const before = this.#sum ?? {}
    this.#sum = {
      ...before,
      ...(items !== undefined && { items: (before.items ?? 0) + items }),
      ...(bytes !== undefined && { bytes: (before.bytes ?? 0) + bytes }),
    }
  }
}
