/**
 * The one list of workloads. Adding a kind of content is a folder and a line here.
 */
import type { WorkloadName } from '../model/ids.ts'
import { type MailOptions, mailWorkload } from './mail/index.ts'
import type { RestorableWorkload, Workload } from './workload.ts'

/** What any workload needs from its surroundings. */
export type WorkloadDeps = MailOptions

/** Every workload, by name. */
export function createWorkloads(
  deps: WorkloadDeps,
): Readonly<Record<WorkloadName, Workload & RestorableWorkload>> {
  return { mail: mailWorkload(deps) }
}
