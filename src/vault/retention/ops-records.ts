/**
 * Records in the container `ops`: `<service>/<yyyy-mm-dd>/<kind>-<id>.json`, and
 * `<service>/<kind>/<id>.json` where one read must find it (DESIGN 5, decision 018).
 *
 * A service may create under its own prefix alone, so a record counts only there; and its time is
 * the one at which storage created it, never what it says.
 */
import type { z } from 'zod'
import { AppError, invariant } from '../../model/errors.ts'
import type { BlobStore } from '../../ports.ts'
import { createOnce } from '../create-once.ts'
import { SMALL_FILE_BYTES_MAX } from '../limits.ts'
import { parseJson } from '../sealed-file.ts'

export type Service = 'access' | 'restore' | 'keeper' | 'expirer'

export interface OpsRecord<T> {
  id: string
  /** Ms since 1970, by storage's clock. */
  createdAt: number
  document: T
}

/** What a kind of record looks like; `bytesMax` where it may be more than 64 KiB. */
export interface RecordKind<T> {
  service: Service
  kind: string
  schema: z.ZodType<T>
  bytesMax?: number
}

/** What a name says of a record. */
type Named = Pick<RecordKind<unknown>, 'service' | 'kind'>

export function datedName(of: Named, id: string, atMs: number): string {
  const day = new Date(atMs).toISOString().slice(0, 10)
  return `${of.service}/${day}/${of.kind}-${id}.json`
}

export const fixedName = ({ service, kind }: Named, id: string): string =>
  `${service}/${kind}/${id}.json`

/**
 * Idempotent for the same bytes. Throws `RecordTaken` where the name has others. Answers storage's
 * time of its creation.
 */
export async function createRecord<T>(
  ops: BlobStore,
  name: string,
  document: T,
  signal: AbortSignal,
): Promise<number> {
  const bytes = Buffer.from(`${JSON.stringify(document)}\n`)
  const created = await createOnce(ops, name, bytes, signal)
  if (created.outcome === 'mine') return created.at.getTime()
  throw new AppError({
    code: 'RecordTaken',
    kind: 'permanent',
    message: 'Another record has this name.',
    hint: 'Read it: what was to be written may have been decided already.',
  })
}

/** The record of a fixed name; undefined: there is none. Throws `RecordUnreadable`. */
export async function readRecord<T>(
  ops: BlobStore,
  of: RecordKind<T>,
  id: string,
  signal: AbortSignal,
): Promise<OpsRecord<T> | undefined> {
  return await load(ops, of, { id, name: fixedName(of, id) }, signal)
}

/** All dated records of a kind, by day. Throws `RecordUnreadable`: one that counts was damaged. */
export async function* datedRecords<T>(
  ops: BlobStore,
  of: RecordKind<T>,
  signal: AbortSignal,
): AsyncGenerator<OpsRecord<T>> {
  const pattern = new RegExp(`^${of.service}/\\d{4}-\\d{2}-\\d{2}/${of.kind}-([0-9a-z-]+)\\.json$`)
  for await (const { name } of ops.list(`${of.service}/`, signal)) {
    const id = pattern.exec(name)?.[1]
    const record = id === undefined ? undefined : await load(ops, of, { id, name }, signal)
    if (record !== undefined) yield record
  }
}

async function load<T>(
  ops: BlobStore,
  { service, kind, schema, bytesMax = SMALL_FILE_BYTES_MAX }: RecordKind<T>,
  { id, name }: { id: string; name: string },
  signal: AbortSignal,
): Promise<OpsRecord<T> | undefined> {
  const found = await ops.read(name, signal, { offset: 0, bytes: bytesMax + 1 })
  if (found === undefined) return undefined
  const parsed =
    found.bytes.length > bytesMax ? undefined : schema.safeParse(parseJson(found.bytes))
  const { createdAt } = found.stat
  invariant(createdAt !== undefined, 'a store that has blobs knows when it got them')
  if (parsed?.success) return { id, createdAt: createdAt.getTime(), document: parsed.data }
  throw new AppError({
    code: 'RecordUnreadable',
    kind: 'corrupt',
    message: 'A record of what is kept and what may go cannot be read.',
    hint: 'Bring its oldest version back. Until then nothing expires.',
    context: { service, kind },
  })
}
