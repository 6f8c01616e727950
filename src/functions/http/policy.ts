/**
 * The protection policy: read it, replace it. What it means is src/policy.
 */
import { policySchema } from '../../policy/index.ts'
import { noQuery } from './input.ts'
import { bodyRoute, getRoute } from './route.ts'

export const getPolicy = getRoute({
  name: 'apiGetPolicy',
  path: 'v1/policy',
  right: 'status',
  query: noQuery,
  async handle({ signal }, deps) {
    return { status: 200, json: await deps.policy.read(signal) }
  },
})

export const putPolicy = bodyRoute({
  name: 'apiPutPolicy',
  method: 'PUT',
  path: 'v1/policy',
  right: 'administer',
  query: noQuery,
  body: policySchema,
  async handle({ body, caller, signal }, deps) {
    await deps.audit.record({ action: 'policy-changed', by: caller.id }, signal)
    return { status: 200, json: await deps.policy.write(body, caller.id, signal) }
  },
})
