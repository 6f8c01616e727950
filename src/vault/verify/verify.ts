/**
 * Verifies a vault from its blobs, and its keys where they are at hand: no catalogue, no writing.
 *
 * Owner by owner: record and keys, each stream's chain, its bases, the packs, versions and locks,
 * the items of the newest state. What it finds is kept and it goes on; what keeps it from looking
 * (no connection, a format that it does not know) is thrown, and the newest progress is where to go
 * on from. Memory is bounded by one shard of a state, two packs' pieces, a pack of which there is a
 * second version, and the names of one owner's blobs.
 */
import { invariant } from '../../model/errors.ts'
import type { OwnerId } from '../../model/ids.ts'
import { WORKLOADS } from '../../model/ids.ts'
import type { BlobStore, BlobVersions, OwnerKeys } from '../../ports.ts'
import { hasFormat } from '../format-file.ts'
import { commitsOfOwnerPrefix, FORMAT_FILE, ownerOfName } from '../names.ts'
import { ownersByVersions } from '../retention/blob-versions.ts'
import { checkBases } from './base-check.ts'
import { checkChain, endsAfter } from './chain-check.ts'
import { checkItems } from './items-check.ts'
import { type NamedBlobs, namedBlobs } from './named-blobs.ts'
import { neededNames } from './needed-names.ts'
import { checkOwner } from './owner-check.ts'
import { accessOf } from './owner-keys.ts'
import { checkPacks } from './packs-check.ts'
import type { Ends, Position, VerifyProgress } from './progress.ts'
import { Tally } from './tally.ts'
import { checkFormatVersions, checkVersions } from './versions-check.ts'
import type { Access, Work } from './work.ts'

export interface VerifyDeps {
  store: BlobStore
  /** Absent: only what lies in the clear, and hashes. */
  keys?: OwnerKeys
  /** Needed where the plan says what is to be locked; a folder has none. */
  versions?: BlobVersions
}

export interface VerifyOptions {
  /** Told every so often: with it a later call goes on. Awaited. */
  onProgress?: (progress: VerifyProgress) => void | Promise<void>
  /** Of the content of items it is told after so much, and amid longer ones; 256 MiB. */
  everyBytes?: number
}

const EVERY_BYTES = 256 * 1024 * 1024

/**
 * Goes on from `from` to the end; the answer is the progress that is `done`. Throws what the store
 * throws, `KeyStoreUnavailable`, `FormatUnknown`, and the signal's reason.
 */
export async function verifyVault(
  deps: VerifyDeps,
  from: VerifyProgress,
  options: VerifyOptions,
  signal: AbortSignal,
): Promise<VerifyProgress> {
  const { plan, found } = from
  const { store, keys, versions } = deps
  const { everyBytes = EVERY_BYTES } = options
  invariant(!plan.locks || versions, 'who asks for locks gives the versions of the container')
  const tally = new Tally(from)
  const isLookedAt = plan.locks !== undefined && found.VersionsNotKept === undefined
  const seen = isLookedAt ? versions : undefined
  const work: Work = { store, keys, versions: seen, plan, tally, everyBytes, signal }
  let progress = from
  for await (const at of walk(work, from.at)) {
    progress = tally.at(at)
    await options.onProgress?.(progress)
    signal.throwIfAborted()
  }
  return progress
}

/** Positions, each with everything before it in the tally. */
async function* walk(work: Work, from: Position): AsyncGenerator<Position> {
  if (from.step === 'done') return
  const isBegun = from.step !== 'start'
  if (!isBegun) {
    if (!(await hasFormat(work.store, work.signal))) {
      work.tally.find({ code: 'FormatMissing', blob: FORMAT_FILE })
    }
    await checkFormatVersions(work)
  }
  const owners = await ownersIn(work, isBegun)
  if (!isBegun) yield { step: 'next' }
  const current = 'owner' in from ? from.owner : undefined
  const done = from.step === 'next' ? from.after : undefined
  for (const owner of owners) {
    if (done !== undefined && owner <= done) continue
    if (current !== undefined && owner < current) continue
    yield* walkOwner(work, owner === current ? from : { step: 'owner', owner }, owner)
    work.tally.add({ owners: 1 })
    yield { step: 'next', after: owner }
  }
  yield { step: 'done' }
}

/**
 * Also those of whom no record is left, or whose record is hidden behind a deletion. Names that are
 * nobody's are told of, once.
 */
async function ownersIn(work: Work, isTold: boolean): Promise<OwnerId[]> {
  const { plan, store, tally, signal } = work
  if (plan.owner !== undefined) return [plan.owner]
  const owners = new Set<OwnerId>()
  let foreign = 0
  for await (const { name } of store.list('', signal)) {
    const owner = ownerOfName(name)
    if (owner !== undefined) owners.add(owner)
    else if (name !== FORMAT_FILE) foreign += 1
  }
  if (work.versions)
    for await (const owner of ownersByVersions(work.versions, signal)) owners.add(owner)
  if (foreign > 0 && !isTold) tally.find({ code: 'ForeignBlobs', count: foreign })
  return [...owners].sort()
}

async function* walkOwner(work: Work, from: Position, owner: OwnerId): AsyncGenerator<Position> {
  const { access, troubles } = await accessOf(work, owner)
  const steps = new OwnerSteps(work, access, from)
  if (from.step === 'owner') {
    for (const trouble of troubles) work.tally.find(trouble)
    await checkOwner(work, access, troubles)
    yield { step: 'chain', owner, ends: {}, workload: WORKLOADS[0] }
  }
  yield* steps.chains()
  yield* steps.packs()
  yield* steps.versions()
  yield* steps.items()
}

/** In their order; `bases` go with `chain`. */
const STEPS: readonly Position['step'][] = ['chain', 'packs', 'versions', 'items']

/** The steps of one owner, beginning where `from` says. */
class OwnerSteps {
  readonly #work: Work
  readonly #access: Access
  readonly #from: Position
  #ends: Ends
  #namedOnce: Promise<NamedBlobs> | undefined

  constructor(work: Work, access: Access, from: Position) {
    this.#work = work
    this.#access = access
    this.#from = from
    this.#ends = 'ends' in from ? from.ends : {}
  }

  async *chains(): AsyncGenerator<Position> {
    const from = this.#from
    if (this.#isPast('chain')) return
    const { owner } = this.#access
    const first = 'workload' in from ? WORKLOADS.indexOf(from.workload) : 0
    for (const workload of WORKLOADS.slice(first)) {
      const isGoneOn = 'workload' in from && from.workload === workload
      if (!isGoneOn || from.step === 'chain') {
        const begin = { step: 'chain', owner, workload, ends: this.#ends } as const
        const at = isGoneOn && from.step === 'chain' ? from : begin
        this.#ends = endsAfter(yield* checkChain(this.#work, this.#access, at))
      }
      const begin = { step: 'bases', owner, workload, ends: this.#ends, after: 0 } as const
      const bases = isGoneOn && from.step === 'bases' ? from : begin
      yield bases
      yield* checkBases(this.#work, this.#access, bases)
    }
    yield { step: 'packs', owner, ends: this.#ends }
  }

  async *packs(): AsyncGenerator<Position> {
    const from = this.#from
    if (this.#isPast('packs')) return
    const { owner } = this.#access
    const begin = { step: 'packs', owner, ends: this.#ends } as const
    const { packs: named } = await this.#named()
    const position = from.step === 'packs' ? from : begin
    yield* checkPacks(this.#work, this.#access, { position, named })
    yield { step: 'versions', owner, ends: this.#ends, prefix: 0 }
  }

  async *versions(): AsyncGenerator<Position> {
    const from = this.#from
    if (this.#isPast('versions')) return
    const { owner } = this.#access
    if (this.#work.versions) {
      const begin = { step: 'versions', owner, ends: this.#ends, prefix: 0 } as const
      const position = from.step === 'versions' ? from : begin
      const on = { ends: this.#ends, named: await this.#named() }
      const isNeeded = await neededNames(this.#work, this.#access, on)
      yield* checkVersions(this.#work, this.#access, { position, isNeeded })
    }
    yield { step: 'items', owner, ends: this.#ends, workload: WORKLOADS[0], shard: 0 }
  }

  async *items(): AsyncGenerator<Position> {
    const from = this.#from
    const { owner } = this.#access
    const first = from.step === 'items' ? WORKLOADS.indexOf(from.workload) : 0
    for (const workload of WORKLOADS.slice(first)) {
      const begin = { step: 'items', owner, workload, ends: this.#ends, shard: 0 } as const
      const isGoneOn = from.step === 'items' && from.workload === workload
      yield* checkItems(this.#work, this.#access, isGoneOn ? from : begin)
    }
  }

  /** It begins after this step. */
  #isPast(step: Position['step']): boolean {
    return STEPS.indexOf(this.#from.step) > STEPS.indexOf(step)
  }

  /** Read once for the steps that need it. */
  #named(): Promise<NamedBlobs> {
    this.#namedOnce ??= namedBlobs(this.#work, this.#access, this.#ends)
    return this.#namedOnce
  }
}

/** What there is to verify, by names alone: for a bar that shows how far it is. */
export async function measure(
  { store }: Pick<VerifyDeps, 'store'>,
  owner: OwnerId | undefined,
  signal: AbortSignal,
): Promise<{ blobs: number; packs: number; packBytes: number }> {
  const sum = { blobs: 0, packs: 0, packBytes: 0 }
  const prefixes =
    owner === undefined
      ? ['']
      : [`owners/${owner}/`, `packs/${owner}/`, commitsOfOwnerPrefix(owner)]
  for (const prefix of prefixes) {
    for await (const { name, bytes } of store.list(prefix, signal)) {
      sum.blobs += 1
      if (!name.startsWith('packs/')) continue
      sum.packs += 1
      sum.packBytes += bytes
    }
  }
  return sum
}
