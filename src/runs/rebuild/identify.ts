/**
 * Whom an owner of the vault stands for: its resource row, made again from the owner record.
 *
 * A resource that was protected more than once has several owners; the youngest counts, as long as
 * the rows do not say otherwise. Until discovery has seen a resource again it is `gone`: what is
 * held stays, and nothing is captured. Discovery finds the row by the Graph id, so it keeps the
 * owner id. Nothing here makes an owner id.
 */
import type { Catalogue, Owner, Resource } from '../../catalogue/types.ts'
import { AppError } from '../../model/errors.ts'
import { isResourceKind, keyHash, type OwnerId, type ResourceKind } from '../../model/ids.ts'
import type { OwnerRecord, VaultApi } from '../../vault/types.ts'

export interface IdentifyDeps {
  catalogue: Pick<Catalogue, 'resources' | 'owners'>
  vault: Pick<VaultApi, 'ownerRecord'>
  erasures: Erasures
}

/**
 * Which owners were erased. Their blobs stay until their locks end, and their keys may be brought
 * back (soft delete, a copy): neither may bring their rows back.
 */
export interface Erasures {
  /** Once true, for ever. */
  isErased(owner: OwnerId, signal: AbortSignal): Promise<boolean>
}

export type Identity =
  | { is: 'known'; record: OwnerRecord; resource: Resource }
  | { is: 'superseded' }
  | { is: 'erased' }
  /** Its keys are gone, or its record is damaged: nobody can say whom it stands for. */
  | { is: 'unreadable'; trouble: string }

/** Why a resource is not protected yet after a rebuild (docs/api.md). */
export const REBUILT = 'rebuilt'
const TRIES_MAX = 16
/** Errors that say of one owner that its record will never open. */
const UNREADABLE: ReadonlySet<string> = new Set(['KeyMissing', 'OwnerRecordDamaged'])

/** Idempotent. Throws what keys and storage throw where asking again may help. */
export async function identifyOwner(
  owner: OwnerId,
  deps: IdentifyDeps,
  signal: AbortSignal,
): Promise<Identity> {
  if (await deps.erasures.isErased(owner, signal)) return { is: 'erased' }
  const record = await recordOf(owner, deps, signal)
  if (typeof record === 'string') return { is: 'unreadable', trouble: record }
  for (let n = 0; n < TRIES_MAX; n += 1) {
    const seen = await deps.catalogue.resources.get(keyHash(record.graphId), signal)
    const held = seen?.owner
    if (held !== undefined && held !== owner && !(await isYounger(record, held, deps, signal))) {
      return { is: 'superseded' }
    }
    const resource = await deps.catalogue.resources.update(
      keyHash(record.graphId),
      (now) => (now?.owner === held && held !== owner ? resourceOf(record, now) : undefined),
      signal,
    )
    if (resource?.owner === owner) return { is: 'known', record, resource }
  }
  throw new AppError({
    code: 'TableContended',
    kind: 'transient',
    message: 'Others changed the row of a resource again and again.',
    hint: 'It is tried again by itself.',
  })
}

export type KnownRecord = OwnerRecord & { kind: ResourceKind }

/** The record, or the code that says why there is none. */
export async function recordOf(
  owner: OwnerId,
  { vault }: Pick<IdentifyDeps, 'vault'>,
  signal: AbortSignal,
): Promise<KnownRecord | string> {
  try {
    const record = await vault.ownerRecord(owner, signal)
    if (!record) return 'OwnerRecordMissing'
    return isResourceKind(record.kind) ? { ...record, kind: record.kind } : 'OwnerKindUnknown'
  } catch (error) {
    if (!(error instanceof AppError) || !UNREADABLE.has(error.code)) throw error
    return error.code
  }
}

/** An owner whose rows are there already is never pushed aside: it may be captured by now. */
async function isYounger(
  record: KnownRecord,
  held: OwnerId,
  deps: IdentifyDeps,
  signal: AbortSignal,
): Promise<boolean> {
  if (await deps.catalogue.owners.get(held, signal)) return false
  if (await deps.erasures.isErased(held, signal)) return true
  const other = await recordOf(held, deps, signal)
  return typeof other === 'string' || other.createdAt < record.createdAt
}

function resourceOf(record: KnownRecord, now: Resource | undefined): Resource {
  const { owner, kind, graphId, name, createdAt } = record
  if (now) return { ...now, owner, protectedSince: createdAt }
  return {
    key: keyHash(graphId),
    kind,
    graphId,
    name,
    // The directory knows it; the vault does not.
    address: '',
    state: 'gone',
    reason: REBUILT,
    owner,
    workloads: [],
    protectedSince: createdAt,
    seenAt: createdAt,
  }
}

/** A row for an owner that has none; when it is due is for the end of the rebuild to say. */
export function foundOwner(
  resource: Resource,
  owner: OwnerId,
  workloads: Owner['workloads'],
  at: string,
): Owner {
  return {
    owner,
    resource: resource.key,
    graphId: resource.graphId,
    workloads,
    dueAt: at,
    coverage: 'waiting',
    trouble: '',
    attempts: 0,
    ledgerOpen: 0,
  }
}
