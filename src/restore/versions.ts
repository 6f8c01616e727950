/**
 * Opens a version from the vault for its slot, exactly the bytes that the plan names.
 *
 * Needs the right to unwrap, so only the restore role comes here. The vault checks every segment
 * and sum; this module checks that catalogue and plan still speak of the same version.
 */
import type { HeldItem, StreamTables } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import type { RepresentationName } from '../model/events.ts'
import type { ContentReader, VersionMetadata } from '../vault/types.ts'
import type { HeldStream, HeldVersion } from '../workloads/workload.ts'
import type { ItemPlan } from './documents.ts'
import { heldStream } from './held-stream.ts'
import { STREAM_BYTES, VERSION_BYTES_MAX } from './limits.ts'

/** A version, and the bytes that it must have. */
export type BoundVersion = Pick<ItemPlan, 'key' | 'seq' | 'contents'>

export interface VersionSource {
  stream: StreamTables
  reader: ContentReader
  seq: number
  /** Never opened whole: read while they are sent. */
  streamed: readonly RepresentationName[]
}

/** Plain bytes that an open version takes in memory, the working space of a stream included. */
export function openBytes(
  contents: ItemPlan['contents'],
  streamed: readonly RepresentationName[],
): number {
  const sizes = contents.map(({ name, bytes }) =>
    streamed.includes(name) ? Math.min(bytes, STREAM_BYTES) : bytes,
  )
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}

/**
 * The version in memory, but for what is streamed: up to `VERSION_BYTES_MAX`, so callers claim its bytes first. Throws
 * `ItemTooLarge`, `VersionChanged`, and what the vault throws for damaged or locked content.
 */
export async function openVersion(
  source: VersionSource,
  plan: BoundVersion,
  signal: AbortSignal,
): Promise<HeldVersion> {
  const bytes = openBytes(plan.contents, source.streamed)
  if (bytes > VERSION_BYTES_MAX) throw itemTooLarge(bytes)
  const held = await source.stream.item(plan.key, source.seq, signal)
  if (!held || held.deleted || !sameVersion(held, plan)) throw versionChanged(plan)
  const opened = new Map<RepresentationName, Uint8Array>()
  const streams = new Map<RepresentationName, HeldStream>()
  for (const representation of held.representations) {
    const { name } = representation
    if (source.streamed.includes(name)) {
      streams.set(name, heldStream(source.reader, representation))
    } else if (name === 'json') {
      opened.set(name, jsonOf(await source.reader.metadata(representation, signal)))
    } else {
      const whole = await source.reader.readAll(representation, VERSION_BYTES_MAX, signal)
      opened.set(name, whole)
    }
  }
  const { item, place, display } = held
  const note = held.representations.find((one) => one.note !== undefined)?.note
  return {
    item,
    place: { container: place.container, sortKey: place.sortKey },
    display,
    representations: opened,
    streams,
    ...(note === undefined ? {} : { note }),
  }
}

/** The `json` representation alone: what the identity of an item is taken from. */
export async function openJson(
  reader: ContentReader,
  held: HeldItem,
  signal: AbortSignal,
): Promise<ReadonlyMap<RepresentationName, Uint8Array>> {
  const json = held.representations.find((r) => r.name === 'json')
  return new Map(json ? [['json', jsonOf(await reader.metadata(json, signal))]] : [])
}

/** Representations as the plan binds them. */
export function contentsOf(held: HeldItem): ItemPlan['contents'] {
  return held.representations.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 }))
}

/** The vault keeps Graph's JSON inside its metadata segment; writers want Graph's own answer. */
function jsonOf({ json }: VersionMetadata): Uint8Array {
  return Buffer.from(JSON.stringify(json), 'utf8')
}

function sameVersion(held: HeldItem, plan: BoundVersion): boolean {
  return held.seq === plan.seq && JSON.stringify(contentsOf(held)) === JSON.stringify(plan.contents)
}

function itemTooLarge(bytes: number): AppError {
  return new AppError({
    code: 'ItemTooLarge',
    kind: 'permanent',
    message: 'The item is larger than a restore can hold in memory.',
    hint: 'Export the item instead.',
    context: { bytes, bytesMax: VERSION_BYTES_MAX },
  })
}

function versionChanged(plan: BoundVersion): AppError {
  return new AppError({
    code: 'VersionChanged',
    kind: 'corrupt',
    message: 'The catalogue no longer names the version that was planned.',
    hint: 'Plan the restore again. If it stays so, rebuild the catalogue.',
    context: { seq: plan.seq },
  })
}
