/** A vault of some gigabytes in a folder, for the bench: written by the vault itself. */
import { randomBytes, randomFillSync } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { localFiles } from '../../../src/adapters/local-files.ts'
import { localKeys } from '../../../src/adapters/local-keys.ts'
import { systemClock, systemRandomness } from '../../../src/adapters/system.ts'
import type { CommitRef, PutEvent } from '../../../src/model/events.ts'
import { type OwnerId, parseOwnerId } from '../../../src/model/ids.ts'
import type { BlobStore } from '../../../src/ports.ts'
import { createVault, type StreamVault, type VersionInput } from '../../../src/vault/index.ts'
import { contentOf, graphId, putEvent, stream } from '../../../src/vault/testing/fixture.ts'

const MIB = 1024 * 1024

/**
 * What a commit holds: a large file, pictures, and messages, by their plain bytes in the share that
 * they have in libraries and mailboxes. Noise does not compress, text does.
 */
const PER_COMMIT = [
  { count: 1, bytes: 40 * MIB, isText: false },
  { count: 60, bytes: 256 * 1024, isText: false },
  { count: 400, bytes: 12 * 1024, isText: true },
] as const

export interface BenchVault {
  vault: string
  keys: string
}

/** Commits until the packs have so many bytes. */
export async function generate(
  folder: string,
  packBytesLeast: number,
  signal: AbortSignal,
): Promise<BenchVault> {
  const at = { vault: join(folder, 'vault'), keys: join(folder, 'keys') }
  const on = { clock: systemClock, random: systemRandomness, toolVersion: 'holdfast/bench' }
  const api = createVault({ ...on, vault: writable(at.vault), keys: localKeys(at.keys) })
  const owner = parseOwnerId(randomBytes(16).toString('hex'))
  await api.prepare(signal)
  await api.registerOwner({ owner, graphId: graphId('bench'), kind: 'site', name: 'Bench' }, signal)
  const files = await api.stream(owner, 'drive', signal)
  let last: CommitRef | undefined
  for (let bytes = 0, n = 0; bytes < packBytesLeast; n += 1) {
    const commit = await addCommit(files, { owner, last, n }, signal)
    bytes += commit.packs.reduce((sum, pack) => sum + pack.bytes, 0)
    last = { seq: commit.seq, hash: commit.hash, time: commit.time }
  }
  return at
}

async function addCommit(
  files: StreamVault,
  { last, n }: { owner: OwnerId; last: CommitRef | undefined; n: number },
  signal: AbortSignal,
) {
  const writer = files.begin(last)
  const events: PutEvent[] = []
  for (const [kind, { count, bytes, isText }] of PER_COMMIT.entries()) {
    for (let i = 0; i < count; i += 1) {
      const item = `${n}/${kind}/${i}`
      const version = versionOf(item, isText ? text(item, bytes) : noise(bytes))
      events.push(putEvent(item, await writer.addVersion(version, signal)))
    }
  }
  const result = await writer.commit(contentOf(events), { complete: true }, signal)
  if (result.outcome !== 'committed') throw new Error('the bench has one writer')
  return result.commit
}

function versionOf(item: string, bytes: Uint8Array): VersionInput {
  return {
    ...{ item: graphId(item), kind: 'item', container: graphId('d'), workload: 'drive' },
    ...{ json: { id: item, name: `file ${item}`, size: bytes.length }, carried: [] },
    parts: [{ name: 'content', bytes: stream(bytes) }],
  }
}

const noise = (bytes: number): Uint8Array => randomFillSync(new Uint8Array(bytes))

/** Compresses some threefold, as text of mail does. */
function text(seed: string, bytes: number): Uint8Array {
  const lines: string[] = []
  for (let length = 0; length < bytes; ) {
    const line = `${randomBytes(9).toString('base64')} of ${seed}, as we said last time.\r\n`
    lines.push(line)
    length += line.length
  }
  return Buffer.from(lines.join('')).subarray(0, bytes)
}

/** The folder as a store that a vault can be written to; nothing else may write to it. */
function writable(folder: string): BlobStore {
  return {
    ...localFiles(folder),
    async create(name, bytes, signal) {
      signal.throwIfAborted()
      const path = join(folder, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, bytes, { flag: 'wx' })
      return { outcome: 'created', serverTime: new Date() }
    },
  }
}
