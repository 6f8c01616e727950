/**
 * The one list of workloads. Adding a kind of content is a folder and a line here.
 */
import type { Graph } from '../graph/index.ts'
import type { WorkloadName } from '../model/ids.ts'
import type { Clock } from '../ports.ts'
import { driveWorkload } from './drive/index.ts'
import { mailWorkload } from './mail/index.ts'
import type { RestorableWorkload, Workload } from './workload.ts'

/** What the workloads need from their surroundings. */
export interface WorkloadDeps {
  graph: Graph
  clock: Clock
  /** Directory id of the tenant. */
  tenant: string
  /** Client id of the app that speaks to Graph. */
  app: string
  /** Messages, and files and folders, asked for in one page of changes. */
  pageSizes: { messages: number; files: number }
  /** Files that the service takes for malware are fetched, through a beta call. */
  includeInfected: boolean
}

/** Every workload, by name. */
export function createWorkloads(
  deps: WorkloadDeps,
): Readonly<Record<WorkloadName, Workload & RestorableWorkload>> {
  const { pageSizes, ...others } = deps
  return {
    mail: mailWorkload({ ...others, pageSize: pageSizes.messages }),
    drive: driveWorkload({ ...others, pageSize: pageSizes.files }),
  }
}
