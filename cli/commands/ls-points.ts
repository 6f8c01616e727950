/** The recovery points of one stream, newest first. */
import type { OwnerId, WorkloadName } from '../../src/model/ids.ts'
import { type RecoveryPoint, recoveryPoints, type VaultApi } from '../../src/vault/index.ts'
import { plainJson } from '../out/plain-text.ts'
import { plural, tableText } from '../out/table.ts'
import type { Setting } from '../program.ts'

/** `at`: only those at or before it. */
export async function listPoints(
  api: VaultApi,
  { owner, workload, at }: { owner: OwnerId; workload: WorkloadName; at?: string },
  { json, max }: { json?: boolean; max: number },
  { signal, output }: Setting,
): Promise<void> {
  const points: RecoveryPoint[] = []
  let all = 0
  for await (const point of recoveryPoints(await api.stream(owner, workload, signal), signal)) {
    if (at !== undefined && Date.parse(point.time) > Date.parse(at)) break
    all += 1
    points.push(point)
    if (points.length > max) points.shift()
  }
  points.reverse()
  if (json === true) return output.say(plainJson({ owner, workload, all, points }))
  const rows = points.map(({ time, seq, complete }) => [time, seq, complete ? 'whole round' : ''])
  output.say(tableText(['time', '>seq', ''], rows))
  output.note(plural(all, 'recovery point'))
  if (all > max) output.note(`Only the newest ${max} are shown; --max shows more.`)
}
