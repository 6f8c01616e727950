/**
 * Golden vaults on disk: for each a folder with its blobs, when storage created them, the private
 * key of its owner (made for the fixture, of no other use), and what must be readable.
 */
import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  privateDecrypt,
} from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { invariant } from '../../src/model/errors.ts'
import type { OwnerKeys } from '../../src/ports.ts'
import {
  createMemoryBlobStore,
  type MemoryBlobStore,
} from '../../src/vault/testing/memory-blob-store.ts'
import type { Expected } from './expected.ts'

const VAULTS = new URL('vaults/', import.meta.url).pathname
const KEY_FILE = /^TEST-ONLY-owner-key-\d\.pem$/
const keyFile = (n: number) => `TEST-ONLY-owner-key-${n}.pem`

export interface GoldenVault {
  /** Folder of the blobs. */
  folder: string
  expected: Expected
  /** Each of them opens everything. */
  privateKeys: KeyObject[]
  /** The same blobs for the product, with the times at which storage created them. */
  store: MemoryBlobStore
}

export function goldenNames(): string[] {
  return readdirSync(VAULTS).sort()
}

/** SHA-256 over the names and bytes of all files of a golden vault. */
export function digestOf(name: string): string {
  const hash = createHash('sha256')
  const folder = join(VAULTS, name)
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  for (const file of files.map((entry) => join(entry.parentPath, entry.name)).sort()) {
    const bytes = readFileSync(file)
    hash.update(`${relative(folder, file)} ${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex')
}

/** `vaults`: the folder that it lies in. Default: where the golden ones are. */
export function readGolden(name: string, vaults = VAULTS): GoldenVault {
  const read = (file: string) => readFileSync(join(vaults, name, file), 'utf8')
  const folder = join(vaults, name, 'blobs')
  const store = createMemoryBlobStore()
  for (const [blob, createdAt] of Object.entries<string>(JSON.parse(read('created.json')))) {
    const bytes = new Uint8Array(readFileSync(join(folder, blob)))
    store.blobs.set(blob, { bytes, createdAt: new Date(createdAt) })
  }
  const expected: Expected = JSON.parse(read('expected.json'))
  const keyFiles = readdirSync(join(vaults, name)).filter((file) => KEY_FILE.test(file))
  const privateKeys = keyFiles.sort().map((file) => createPrivateKey(read(file)))
  return { folder, expected, privateKeys, store }
}

/** Throws where there is a golden vault of this name: what was once written stays. */
export function writeGolden(
  name: string,
  golden: { expected: Expected; privateKeys: KeyObject[]; blobs: MemoryBlobStore['blobs'] },
  vaults = VAULTS,
): void {
  const folder = join(vaults, name)
  invariant(!existsSync(folder), 'a golden vault is never written again')
  const write = (file: string, bytes: string | Uint8Array) => {
    const path = join(folder, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytes)
  }
  const created: Record<string, string> = {}
  for (const [blob, { bytes, createdAt }] of golden.blobs) {
    write(join('blobs', blob), bytes)
    created[blob] = createdAt.toISOString()
  }
  const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`
  write('created.json', json(created))
  write('expected.json', json(golden.expected))
  for (const [n, key] of golden.privateKeys.entries()) {
    write(keyFile(n + 1), key.export({ type: 'pkcs8', format: 'pem' }))
  }
}

/** The keys of one owner, each a recipient, and its index secret. */
export function keysOf(
  privateKeys: readonly KeyObject[],
  secret: () => Promise<Uint8Array>,
): OwnerKeys {
  const keyIdOf = (n: number) => `golden/owner/${n + 1}`
  const recipients = privateKeys.map((key, n) => {
    const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
    const fingerprint = createHash('sha256').update(publicKey).digest('hex')
    return { keyId: keyIdOf(n), fingerprint, publicKey }
  })
  return {
    create: async () => undefined,
    recipients: async () => recipients,
    indexSecret: secret,
    async unwrap(_owner, keyId, wrapped) {
      const key = privateKeys.find((_, n) => keyIdOf(n) === keyId)
      invariant(key, 'a key of the golden owner is asked for')
      const padding = constants.RSA_PKCS1_OAEP_PADDING
      return privateDecrypt({ key, padding, oaepHash: 'sha256' }, wrapped)
    },
  }
}
