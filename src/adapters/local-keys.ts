/**
 * Keys of owners in a folder of this machine: one file for each owner, readable by its user only.
 *
 * For trials, tests and single-machine use. Whoever can read the folder can open everything, so
 * it gives none of the separation of identities that Key Vault gives. A file is made under a
 * temporary name and linked into place, so that there is never half a key, and of two processes
 * that make the same one exactly one wins.
 */
import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  privateDecrypt,
  randomBytes,
} from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { AppError } from '../model/errors.ts'
import type { OwnerId } from '../model/ids.ts'
import type { OwnerKeyRemoval, OwnerKeys } from '../ports.ts'

const makeKeyPair = promisify(generateKeyPair)
const RSA_BITS = 3072

const fileSchema = z.object({
  holdfast: z.literal(1),
  keyId: z.string(),
  /** PKCS #8, PEM. */
  privateKey: z.string(),
  /** 32 bytes, base64. */
  indexSecret: z.base64(),
})
type KeyFile = z.infer<typeof fileSchema>

/** The folder is made where it is missing, with mode 0700. */
export function localKeys(folder: string): OwnerKeys {
  const pathOf = (owner: OwnerId) => join(folder, `${owner}.json`)
  const read = (owner: OwnerId, signal: AbortSignal) => readKeyFile(pathOf(owner), signal)
  return {
    async create(owner, signal) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      try {
        await read(owner, signal)
      } catch (error) {
        if (!(error instanceof AppError && error.code === 'KeyMissing')) throw error
        await createKeyFile(folder, owner, signal)
      }
    },
    async recipients(owner, signal) {
      const { keyId, privateKey } = await read(owner, signal)
      const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
      const fingerprint = createHash('sha256').update(publicKey).digest('hex')
      return [{ keyId, fingerprint, publicKey }]
    },
    async indexSecret(owner, signal) {
      return Buffer.from((await read(owner, signal)).indexSecret, 'base64')
    },
    async unwrap(owner, keyId, wrapped, signal) {
      const file = await read(owner, signal)
      if (file.keyId !== keyId) throw missing()
      return decrypt(file, wrapped)
    },
  }
}

/** Deletes the key file; nobody can bring it back, but from a backup of the folder. */
export function localKeyRemoval(folder: string): OwnerKeyRemoval {
  return {
    async erase(owner, signal) {
      signal.throwIfAborted()
      await rm(join(folder, `${owner}.json`), { force: true })
      await syncFolder(folder)
      return { purgedAt: new Date(), otherRecipients: [] }
    },
  }
}

async function createKeyFile(folder: string, owner: OwnerId, signal: AbortSignal): Promise<void> {
  const { privateKey } = await makeKeyPair('rsa', { modulusLength: RSA_BITS })
  signal.throwIfAborted()
  const file: KeyFile = {
    holdfast: 1,
    keyId: `local/${owner}/1`,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    indexSecret: randomBytes(32).toString('base64'),
  }
  const temporary = join(folder, `.${owner}.${randomBytes(8).toString('hex')}`)
  try {
    await writeWhole(temporary, JSON.stringify(file))
    await link(temporary, join(folder, `${owner}.json`))
    await syncFolder(folder)
  } catch (error) {
    // Another process made the owner's keys in the meantime: those count.
    if (!isErrno(error, 'EEXIST')) throw unavailable(error)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** On the disk when it resolves: a commit must never outlive the key that opens it. */
async function writeWhole(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function readKeyFile(path: string, signal: AbortSignal): Promise<KeyFile> {
  let text: string
  try {
    text = await readFile(path, { encoding: 'utf8', signal })
  } catch (error) {
    signal.throwIfAborted()
    throw isErrno(error, 'ENOENT') ? missing() : unavailable(error)
  }
  try {
    return fileSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError({
      code: 'KeyFileDamaged',
      kind: 'corrupt',
      message: 'A key file is not what Holdfast wrote.',
      hint: 'Bring the key folder back from its own backup. Do not delete the file.',
      // The text of a JSON error quotes the file, which is secret.
      ...(cause instanceof z.ZodError ? { cause } : {}),
    })
  }
}

function decrypt(file: KeyFile, wrapped: Uint8Array): Uint8Array {
  const key = createPrivateKey(file.privateKey)
  try {
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    return privateDecrypt({ key, padding, oaepHash: 'sha256' }, wrapped)
  } catch (cause) {
    throw new AppError({
      code: 'WrappedKeyDamaged',
      kind: 'corrupt',
      message: 'A wrapped key does not open with the key that it names.',
      hint: 'Run a verification of this owner.',
      cause,
    })
  }
}

function missing(): AppError {
  return new AppError({
    code: 'KeyMissing',
    kind: 'denied',
    message: 'This owner has no keys here: they were never made, or were erased.',
    hint: 'If the keys were not erased on purpose, bring the key folder back from its backup.',
  })
}

function unavailable(cause: unknown): AppError {
  return new AppError({
    code: 'KeyStoreUnavailable',
    kind: 'transient',
    message: 'The key folder cannot be read or written.',
    hint: 'Check that the folder exists and belongs to the user that Holdfast runs as.',
    cause,
  })
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
