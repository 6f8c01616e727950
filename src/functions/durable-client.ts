/**
 * The thin layer between us and Durable's client: deadlines, conflicts, one way to read a state.
 *
 * The SDK's client has no timeout, does not encode ids and answers a start of a running id with an
 * error (facts/durable.md 2.8, rules 11 and 13); all of that ends here.
 */
import { type DurableClient, OrchestrationRuntimeStatus as Status } from 'durable-functions'
import { AppError, invariant } from '../model/errors.ts'
import type { InstanceState } from '../runs/reconcile.ts'

const ID = /^[A-Za-z0-9._-]{1,90}$/
const CALL_MS = 20_000

async function within<T>(call: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new AppError({
          code: 'DurableTimeout',
          kind: 'transient',
          message: `The orchestration service did not answer in time (${what}).`,
          hint: 'The next tick of the reconciler tries again.',
        }),
      )
    }, CALL_MS)
  })
  try {
    return await Promise.race([call, late])
  } finally {
    clearTimeout(timer)
  }
}

export async function instanceState(client: DurableClient, id: string): Promise<InstanceState> {
  invariant(ID.test(id), 'instance ids are URL-safe')
  let status: Awaited<ReturnType<DurableClient['getStatus']>>
  try {
    status = await within(client.getStatus(id, { showInput: false }), 'status')
  } catch (error) {
    // The SDK throws for an instance that does not exist (404), with no code of its own.
    if (error instanceof Error && /\b404\b|not found|No instance/i.test(error.message)) {
      return 'missing'
    }
    throw error
  }
  switch (status.runtimeStatus) {
    case Status.Running:
    case Status.ContinuedAsNew:
    case Status.Suspended:
      return 'running'
    case Status.Pending:
      return 'pending'
    case Status.Completed:
      return 'completed'
    default:
      return 'failed'
  }
}

/**
 * Starts an instance unless one of this id is under way. Safe to call again: the id is the lock.
 * True where this call started it.
 */
export async function startOnce(
  client: DurableClient,
  orchestration: string,
  id: string,
  input: object,
): Promise<boolean> {
  const before = await instanceState(client, id)
  if (before === 'running' || before === 'pending') return false
  try {
    await within(client.startNew(orchestration, { instanceId: id, input }), 'start')
    return true
  } catch (error) {
    // Two starts at once: the other one won if the instance is there now.
    const after = await instanceState(client, id)
    if (after === 'running' || after === 'pending') return false
    throw error
  }
}

export async function terminate(client: DurableClient, id: string, reason: string): Promise<void> {
  invariant(ID.test(id), 'instance ids are URL-safe')
  await within(client.terminate(id, reason), 'terminate')
}
