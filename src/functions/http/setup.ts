/**
 * Setup: makes what is missing of vault, tables, queues and policy. Safe to call again.
 */
import { noBody, noQuery } from './input.ts'
import { bodyRoute } from './route.ts'

export const runSetup = bodyRoute({
  name: 'apiRunSetup',
  method: 'POST',
  path: 'v1/setup',
  right: 'administer',
  query: noQuery,
  body: noBody,
  async handle({ caller, signal }, deps) {
    const done = await deps.setup(caller.id, signal)
    // Recorded afterwards: before the first setup there is no table to record it in.
    await deps.audit.record({ action: 'setup-run', by: caller.id }, signal)
    return { status: 200, json: done }
  },
})
