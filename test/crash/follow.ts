/** Follows a rig's work to its end over deaths, and reads what it left in the vault. */
import assert from 'node:assert/strict'
import type { RestoreJob } from '../../sandbox/run/api-client.ts'
import { azureBlobStore } from '../../src/adapters/azure-blob.ts'
import { localKeys } from '../../src/adapters/local-keys.ts'
import { systemClock, systemRandomness } from '../../src/adapters/system.ts'
import type { Commit } from '../../src/model/events.ts'
import type { WorkloadName } from '../../src/model/ids.ts'
import { createVault } from '../../src/vault/index.ts'
import type { Rig } from './rig.ts'

const CHECK_MS = 60_000

/** Failed orchestrations are the reconciler's; its timer would come within a minute. */
export async function runToEnd(rig: Rig, id: string): Promise<void> {
  await rig.until(`run ${id}`, async () => {
    await rig.trigger('reconcile')
    const { state, owners, troubles } = await rig.api.run(id)
    assert.ok(
      state !== 'failed' && owners.failed === 0,
      `run ${id} failed: ${JSON.stringify(troubles)}`,
    )
    return state === 'done'
  })
}

/** Until the job has this state; what was lost with a worker is started again. */
export async function jobIs(rig: Rig, job: string, state: RestoreJob['state']): Promise<void> {
  await rig.until(`the restore is ${state}`, async () => {
    await rig.trigger('reconcile')
    const now = await rig.api.restore(job)
    assert.notEqual(now.state, 'failed', `the restore failed: ${now.trouble}`)
    return now.state === state
  })
}

/** Every commit of every owner, read from the blobs alone; their chains must be unbroken. */
export async function readChain(rig: Rig, workload: WorkloadName): Promise<Commit[]> {
  const signal = AbortSignal.timeout(CHECK_MS)
  const { connectionString } = rig.azurite
  const vault = createVault({
    vault: azureBlobStore({ connectionString, container: 'vault' }),
    keys: localKeys(rig.dir.keys),
    clock: systemClock,
    random: systemRandomness,
    toolVersion: 'test',
  })
  const chain: Commit[] = []
  for await (const owner of vault.owners(signal)) {
    const stream = await vault.stream(owner, workload, signal)
    let previous: string | null = null
    for await (const seq of stream.seqs(signal)) {
      const commit: Commit | undefined = await stream.readCommit(seq, signal)
      assert.ok(commit, `commit ${seq} is readable`)
      assert.equal(commit.previous, previous, `commit ${seq} continues the chain`)
      previous = commit.hash
      chain.push(commit)
    }
  }
  return chain
}
