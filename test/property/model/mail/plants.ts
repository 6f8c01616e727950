/** Planted bugs of mail (plants.ts). */
import type { GraphId } from '../../../../src/model/ids.ts'
import type { Workload } from '../../../../src/workloads/workload.ts'
import { changing, ofWorkload, PLANTS } from '../plants.ts'

/** Wherever it is found, it is said to stand where it was found first. */
function staysBehind(mail: Workload): Workload {
  const first = new Map<GraphId, GraphId>()
  return changing(mail, (changes) =>
    changes.map((change) => {
      if (change.op === 'removed' || change.kind === 'container') return change
      const was = first.get(change.id) ?? change.place.container
      first.set(change.id, was)
      return { ...change, place: { ...change.place, container: was } }
    }),
  )
}

function keepsOldContent(mail: Workload): Workload {
  const compare: Workload['compare'] = (before, now) => {
    const found = mail.compare(before, now)
    return found === 'content' ? 'decoration' : found
  }
  return { ...mail, compare }
}

export const MAIL_PLANTS = {
  ...PLANTS,
  'a move is taken for a mere flag': ofWorkload(staysBehind),
  'an edit is taken for a mere flag': ofWorkload(keepsOldContent),
}
