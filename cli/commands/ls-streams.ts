/** The streams of one owner, each with its first and newest recovery point. */
import type { OwnerId, WorkloadName } from '../../src/model/ids.ts'
import { type RecoveryPoint, recoveryPoints, type VaultApi } from '../../src/vault/index.ts'
import { plainJson } from '../out/plain-text.ts'
import { countText, tableText } from '../out/table.ts'
import type { Setting } from '../program.ts'

export async function listStreams(
  api: VaultApi,
  { owner, workloads }: { owner: OwnerId; workloads: readonly WorkloadName[] },
  { json }: { json?: boolean },
  { signal, output }: Setting,
): Promise<void> {
  const record = await api.ownerRecord(owner, signal)
  const streams = []
  for (const workload of workloads) {
    const stream = await api.stream(owner, workload, signal)
    let [points, complete] = [0, 0]
    let first: RecoveryPoint | undefined
    let newest: RecoveryPoint | undefined
    for await (const point of recoveryPoints(stream, signal)) {
      points += 1
      complete += point.complete ? 1 : 0
      first ??= point
      newest = point
    }
    streams.push({ workload, points, complete, first: first?.time, newest: newest?.time })
  }
  const { kind, name, createdAt } = record ?? {}
  if (json === true) return output.say(plainJson({ owner, kind, name, since: createdAt, streams }))
  const rows = streams.map((s) => [
    ...[s.workload, countText(s.points), countText(s.complete)],
    ...[s.first, s.newest],
  ])
  const head = ['workload', '>points', '>whole rounds', 'first', 'newest']
  output.note(`${name ?? owner}${kind === undefined ? '' : ` (${kind})`}`)
  output.say(tableText(head, rows))
}
