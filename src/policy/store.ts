/**
 * Where policies live: versioned blobs in `ops`, created by the access role, never changed.
 *
 * `access/<yyyy-mm-dd>/policy-<n>.json`; the highest n counts. Two writers of one n: the second is
 * refused, because a name is created only once.
 */
import { AppError } from '../model/errors.ts'
import type { BlobStore, Clock } from '../ports.ts'
import { DEFAULT_POLICY, type Policy, policySchema } from './policy.ts'

const PREFIX = 'access/'
const NAME = /^access\/\d{4}-\d{2}-\d{2}\/policy-(\d{10})\.json$/

export interface StoredPolicy {
  n: number
  policy: Policy
}

export interface PolicyStore {
  /** The newest policy. Throws `PolicyMissing` before setup. */
  read(signal: AbortSignal): Promise<StoredPolicy>
  /** Throws `PolicyChanged` where another wrote meanwhile. */
  write(policy: Policy, by: string, signal: AbortSignal): Promise<StoredPolicy>
  /** Writes the default policy where there is none. Idempotent. */
  prepare(signal: AbortSignal): Promise<void>
}

export function createPolicyStore(ops: BlobStore, clock: Clock): PolicyStore {
  return {
    async read(signal) {
      const newest = await findNewest(ops, signal)
      if (!newest) {
        throw new AppError({
          code: 'PolicyMissing',
          kind: 'permanent',
          message: 'There is no protection policy yet.',
          hint: 'Run the setup (POST /api/v1/setup); it writes the default policy.',
        })
      }
      return await load(ops, newest, signal)
    },
    async write(policy, by, signal) {
      const newest = await findNewest(ops, signal)
      return await create(ops, clock, { n: (newest?.n ?? 0) + 1, policy, by }, signal)
    },
    async prepare(signal) {
      if (await findNewest(ops, signal)) return
      await create(ops, clock, { n: 1, policy: DEFAULT_POLICY, by: 'setup' }, signal)
    },
  }
}

async function findNewest(
  ops: BlobStore,
  signal: AbortSignal,
): Promise<{ n: number; name: string } | undefined> {
  let newest: { n: number; name: string } | undefined
  for await (const { name } of ops.list(PREFIX, signal)) {
    const n = Number(NAME.exec(name)?.[1] ?? 0)
    if (n > (newest?.n ?? 0)) newest = { n, name }
  }
  return newest
}

async function load(
  ops: BlobStore,
  found: { n: number; name: string },
  signal: AbortSignal,
): Promise<StoredPolicy> {
  const blob = await ops.read(found.name, signal)
  const text = blob && new TextDecoder().decode(blob.bytes)
  const parsed = policySchema.safeParse(text && JSON.parse(text).policy)
  if (!parsed.success) {
    throw new AppError({
      code: 'PolicyUnreadable',
      kind: 'corrupt',
      message: `Policy number ${found.n} cannot be read.`,
      hint: 'Write the policy anew (PUT /api/v1/policy). Until then the last decisions hold.',
      context: { n: found.n },
    })
  }
  return { n: found.n, policy: parsed.data }
}

async function create(
  ops: BlobStore,
  clock: Clock,
  record: { n: number; policy: Policy; by: string },
  signal: AbortSignal,
): Promise<StoredPolicy> {
  const at = new Date(clock.now()).toISOString()
  const name = `${PREFIX}${at.slice(0, 10)}/policy-${String(record.n).padStart(10, '0')}.json`
  const bytes = new TextEncoder().encode(`${JSON.stringify({ ...record, at })}\n`)
  const created = await ops.create(name, bytes, signal)
  if (created.outcome === 'refused' && !(await isSame(ops, name, bytes, signal))) {
    throw new AppError({
      code: 'PolicyChanged',
      kind: 'permanent',
      message: 'Somebody else wrote a policy at the same time.',
      hint: 'Read the policy again and repeat your change.',
    })
  }
  return { n: record.n, policy: record.policy }
}

/** A refused create after a lost answer may be our own. */
async function isSame(
  ops: BlobStore,
  name: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<boolean> {
  const there = await ops.read(name, signal)
  return there !== undefined && Buffer.from(there.bytes).equals(bytes)
}
