/**
 * The HTTP API: registers every route with the Functions host. docs/api.md describes them.
 */
import type { HttpFunctionOptions, HttpRequest } from '@azure/functions'
import { listContainers } from './containers.ts'
import { getContent } from './content.ts'
import type { HttpDeps } from './deps.ts'
import { answer } from './edge.ts'
import { getItem, listItems } from './items.ts'
import { listLedger } from './ledger.ts'
import { listPoints } from './points.ts'
import { getPolicy, putPolicy } from './policy.ts'
import { getRebuild, listRebuilds, startRebuild } from './rebuilds.ts'
import { getResource, listResources } from './resources.ts'
import {
  cancelRestore,
  getRestore,
  listRestoreItems,
  listRestores,
  planRestore,
  startRestore,
  undoRestore,
} from './restores.ts'
import type { Route } from './route.ts'
import { getRun, listRuns, startRun } from './runs.ts'
import { runSetup } from './setup.ts'
import { getStatus } from './status.ts'

export type { HttpDeps, HttpLog } from './deps.ts'
export { PROBLEM_STATUS } from './problems.ts'

export const ROUTES: readonly Route[] = [
  getStatus,
  listResources,
  getResource,
  listPoints,
  listContainers,
  listItems,
  getItem,
  getContent,
  listLedger,
  startRun,
  listRuns,
  getRun,
  startRebuild,
  listRebuilds,
  getRebuild,
  planRestore,
  startRestore,
  cancelRestore,
  undoRestore,
  listRestores,
  getRestore,
  listRestoreItems,
  getPolicy,
  putPolicy,
  runSetup,
]

/** The part of `app` of @azure/functions that is used. */
export interface HttpApp {
  http(name: string, options: HttpFunctionOptions): void
}

/**
 * Registers all routes. They are `anonymous` towards the host: a function key is no substitute
 * for knowing who calls, and our own code checks that.
 */
export function registerHttp(app: HttpApp, deps: HttpDeps): void {
  for (const route of ROUTES) {
    app.http(route.name, {
      methods: [route.method],
      route: route.path,
      authLevel: 'anonymous',
      handler: (request: HttpRequest) => answer(route, request, deps),
    })
  }
}
