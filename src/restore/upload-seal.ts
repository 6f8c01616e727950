/**
 * Where a long upload goes on, as a slot keeps it: sealed with the index secret of the owner whose
 * content it is, because it holds a pre-authenticated address (P9), and bound to job and slot.
 */
import { AppError } from '../model/errors.ts'
import { seal, unseal } from '../sealing/seal.ts'
import type { StepContext } from './step-context.ts'

const SALT_BYTES = 32

type Context = Pick<StepContext, 'deps' | 'request' | 'lease' | 'signal'>

export async function sealUpload(context: Context, slot: number, text: string): Promise<string> {
  const { deps, request, signal } = context
  const secret = await deps.vault.indexSecret(request.owner, signal)
  const salt = deps.random.bytes(SALT_BYTES)
  const sealed = seal(secret, 'upload', Buffer.from(text, 'utf8'), salt, bound(context, slot))
  return Buffer.from(sealed).toString('base64')
}

/** Undefined where it does not open: then the upload begins anew, and nothing but time is lost. */
export async function openUpload(
  context: Context,
  slot: number,
  sealed: string,
): Promise<string | undefined> {
  const { deps, request, signal } = context
  const secret = await deps.vault.indexSecret(request.owner, signal)
  try {
    const plain = unseal(secret, 'upload', Buffer.from(sealed, 'base64'), bound(context, slot))
    return Buffer.from(plain).toString('utf8')
  } catch (error) {
    if (error instanceof AppError && error.code === 'SealBroken') return undefined
    throw error
  }
}

function bound({ lease }: Context, slot: number): Uint8Array {
  return Buffer.from(`${lease.job.id}~${slot}`, 'utf8')
}
