/** What is taken for a blob of a base: the one that is named, whole, and of this very state. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { hasCode } from '../model/errors.ts'
import { createBaseReader } from './base-store.ts'
import { type BasedChain, basedChain } from './testing/based-chain.ts'
import { collect, never } from './testing/fixture.ts'
import type { BaseIndex, VaultCommit } from './types.ts'

let made: BasedChain
before(async () => {
  made = await basedChain(6, { 4: 2, 6: 5 })
})

const damaged = (error: unknown): boolean => hasCode(error, 'BaseDamaged')

async function carrier(chain: BasedChain, seq = 4): Promise<VaultCommit> {
  return (await chain.stream.readCommit(seq, never)) ?? assert.fail(`there is a commit ${seq}`)
}

async function baseIn(chain: BasedChain, seq = 4): Promise<BaseIndex> {
  const base = await chain.stream.base(await carrier(chain, seq), never)
  return base ?? assert.fail('it carries a base')
}

/** The name of the only blob of a commit's folder that ends so, or of the first. */
function blobOf({ on, named }: BasedChain, seq: number, ending: string): string {
  const folder = named(seq).replace('commit.json', '')
  const name = [...on.store.blobs.keys()].find((n) => n.startsWith(folder) && n.endsWith(ending))
  return name ?? assert.fail(`commit ${seq} has no ${ending}`)
}

/** Another blob under this name. */
function change({ on }: BasedChain, name: string, how: (bytes: Uint8Array) => Uint8Array): void {
  const blob = on.store.blobs.get(name) ?? assert.fail(`there is ${name}`)
  on.store.blobs.set(name, { ...blob, bytes: how(blob.bytes) })
}

const flipped = (bytes: Uint8Array) => bytes.with(40, (bytes[40] ?? 0) ^ 1)
const shorter = (bytes: Uint8Array) => bytes.subarray(0, -1)
const longer = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.of(0)])

test('the index of a base says the state that its commit says, and other commits have none', async () => {
  const { asOf } = await baseIn(made)
  assert.deepEqual([asOf.seq, asOf.hash], [2, made.ref(2).hash])
  assert.equal(await made.stream.base(await carrier(made, 3), never), undefined)
})

for (const [what, how] of [
  ['changed', flipped],
  ['shorter', shorter],
  ['longer', longer],
] as const) {
  test(`an index that is ${what} is damaged, and so is such a part`, async () => {
    const chain = await made.without()
    const base = await baseIn(chain)
    change(chain, blobOf(chain, 4, '.bi'), how)
    await assert.rejects(baseIn(chain), damaged)
    const [part] = base.parts
    assert.ok(part)
    change(chain, blobOf(chain, 2, `${part.sha256}.bs`), how)
    await assert.rejects(chain.stream.readBasePart(base, part, never), damaged)
  })
}

test('an index or a part that is gone is damaged', async () => {
  const chain = await made.without()
  const base = await baseIn(chain)
  chain.on.store.blobs.delete(blobOf(chain, 4, '.bi'))
  await assert.rejects(baseIn(chain), damaged)
  const [part] = base.parts
  assert.ok(part)
  chain.on.store.blobs.delete(blobOf(chain, 2, `${part.sha256}.bs`))
  await assert.rejects(chain.stream.readBasePart(base, part, never), damaged)
})

test('an index of another state than its commit says is damaged', async () => {
  const commit = await carrier(made)
  const { base: link } = commit
  assert.ok(link)
  for (const other of [{ asOf: 3 }, { hash: made.ref(3).hash }]) {
    const said = { ...commit, base: { ...link, ...other } }
    await assert.rejects(made.stream.base(said, never), damaged)
  }
})

test('a part of more or fewer lines than its index says is damaged', async () => {
  const base = await baseIn(made)
  const [part] = base.parts
  assert.ok(part)
  for (const lines of [part.lines - 1, part.lines + 1]) {
    await assert.rejects(made.stream.readBasePart(base, { ...part, lines }, never), damaged)
  }
  assert.equal((await made.stream.readBasePart(base, part, never)).length, part.lines)
})

test('a blob that is said to be longer than any is not even asked for', async () => {
  const base = await baseIn(made)
  const [part] = base.parts
  assert.ok(part)
  const bytes = 2 ** 40
  await assert.rejects(made.stream.readBasePart(base, { ...part, bytes }, never), damaged)
})

test('each base is told once, in order, also where a page of the list comes twice', async () => {
  const { on, owner, stream } = made
  const { store } = on
  const twice = {
    ...store,
    async *list(prefix: string, signal: AbortSignal) {
      const all = await collect(store.list(prefix, signal))
      yield* all
      yield* all
    },
  }
  const deps = { store: twice, stream: { owner, workload: 'mail' as const }, secret: stream.secret }
  assert.deepEqual(await collect(createBaseReader(deps).baseSeqs(never)), [4, 6])
})
