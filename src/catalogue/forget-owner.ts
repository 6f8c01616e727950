/**
 * Every row of an erased owner (promise P8): what its streams hold, its packs and lease, what
 * restores of it have left, and the resource that it stood for.
 *
 * Idempotent; a run that dies is begun again. Runs of the past keep their numbers: they name the
 * owner by its id alone, which nothing else explains any more.
 */
import { type OwnerId, RESOURCE_KINDS, WORKLOADS } from '../model/ids.ts'
import type { RowQuery, TableName } from '../ports.ts'
import { clearStream, removeRows } from './clear.ts'
import {
  documentRow,
  ownerBucket,
  ownerPartition,
  resourcePartition,
  slotPartition,
  streamPartition,
  tenantPartition,
  timelineRow,
} from './keys.ts'
import { walkRows } from './read.ts'
import type { Room } from './room.ts'
import { decodeBody } from './rows.ts'
import { jobSchema, resourceSchema } from './schemas.ts'
import type { WriteOptions } from './write.ts'

const DOCUMENTS = { from: 'i~', below: 'i~~' } as const

export async function forgetOwner(
  room: Room,
  owner: OwnerId,
  options: WriteOptions,
): Promise<void> {
  for (const workload of WORKLOADS) {
    await clearStream(room, streamPartition(owner, workload), options)
  }
  await removeRows(room, 'packs', { partition: owner }, options)
  await forgetJobs(room, owner, options)
  await forgetResource(room, owner, options)
  const partition = ownerPartition(room.tenantId, ownerBucket(owner))
  await removeRow(room, { table: 'owners', partition, row: owner }, options)
}

/** Jobs name the owner that they restore from; their slots hold names and folders. */
async function forgetJobs(room: Room, owner: OwnerId, options: WriteOptions): Promise<void> {
  const partition = tenantPartition(room.tenantId)
  const query: RowQuery = { partition, ...DOCUMENTS }
  for await (const row of walkRows(room.tables, 'jobs', query, options.signal)) {
    const job = decodeBody(row, jobSchema)
    if (!job.request.includes(owner)) continue
    await removeRows(room, 'slots', { partition: slotPartition(job.id) }, options)
    const timeline = timelineRow(Date.parse(job.createdAt), job.id)
    await removeRow(room, { table: 'jobs', partition, row: timeline }, options)
    await removeRow(room, { table: 'jobs', partition, row: documentRow(job.id) }, options)
  }
}

async function forgetResource(room: Room, owner: OwnerId, options: WriteOptions): Promise<void> {
  for (const kind of RESOURCE_KINDS) {
    const partition = resourcePartition(room.tenantId, kind)
    for await (const row of walkRows(room.tables, 'resources', { partition }, options.signal)) {
      if (decodeBody(row, resourceSchema).owner !== owner) continue
      await removeRow(room, { table: 'resources', partition, row: row.row }, options)
    }
  }
}

async function removeRow(
  { tables }: Room,
  { table, partition, row }: { table: TableName; partition: string; row: string },
  { guard, signal }: WriteOptions,
): Promise<void> {
  guard()
  // A row that is not there is as it should be.
  await tables.batch(table, partition, [{ op: 'remove', row }], signal)
}
