/** The app that a host under test runs: every orchestrator of every case, and what they call. */
import * as df from 'durable-functions'
import { CASES } from '../cases/index.ts'
import './activities.ts'
import './client.ts'
import './entities.ts'
import './http.ts'

for (const { id, orchestrator, children = {} } of CASES) {
  if (orchestrator) df.app.orchestration(id, orchestrator)
  for (const [name, child] of Object.entries(children)) df.app.orchestration(name, child)
}
