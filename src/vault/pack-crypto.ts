/**
 * Keys and sealing of packs (docs/format.md, section 7).
 *
 * A pack has two keys of its own, for segments and for the footer, derived from the data key and
 * the pack's salt. Segments use their ordinal as nonce, the footer uses zero: no key ever sees a
 * nonce twice, because a salt is made for one pack and that pack is sealed once. The owner is in
 * the derivation, so that a pack moved under another owner's name opens for nobody.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import type { OwnerId, SegmentId } from '../model/ids.ts'
import { check, damage } from './damage.ts'
import { FORMAT_VERSION, type PackHeader, TAG_BYTES } from './pack-format.ts'

/** Made once for a pack: a key that is given as bytes is taken in anew at each call. */
export interface PackKeys {
  segment: KeyObject
  footer: KeyObject
}

const NO_SALT = new Uint8Array(0)

export function packKeys(
  dataKey: Uint8Array,
  { owner, salt }: Pick<PackHeader, 'owner' | 'salt'>,
): PackKeys {
  const derive = (purpose: 'segment' | 'footer') => {
    const info = `holdfast/${FORMAT_VERSION}/pack/${owner}/${purpose}`
    return createSecretKey(new Uint8Array(hkdfSync('sha256', dataKey, salt, info, 32)))
  }
  return { segment: derive('segment'), footer: derive('footer') }
}

/** Names plaintext without revealing it: equal plaintexts of one owner share an id. */
export interface SegmentNamer {
  idOf(plain: Uint8Array): SegmentId
}

export function segmentNamer(indexSecret: Uint8Array): SegmentNamer {
  const info = `holdfast/${FORMAT_VERSION}/index/segment-id`
  const secret = createSecretKey(new Uint8Array(hkdfSync('sha256', indexSecret, NO_SALT, info, 32)))
  return {
    idOf: (plain) => createHmac('sha256', secret).update(plain).digest('hex') as SegmentId,
  }
}

function nonceOf(ordinal: number): Uint8Array {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(ordinal, 8)
  return nonce
}

const FOOTER_NONCE = nonceOf(0)

function sealGcm(key: KeyObject, nonce: Uint8Array, bound: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(bound)
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function openGcm(key: KeyObject, nonce: Uint8Array, bound: Uint8Array, body: Uint8Array): Buffer {
  const opener = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  opener.setAAD(bound)
  opener.setAuthTag(body.subarray(body.length - TAG_BYTES))
  const plain = opener.update(body.subarray(0, body.length - TAG_BYTES))
  // GCM gives everything at once: what final() adds is nothing, and a segment has up to 32 MiB.
  const rest = opener.final()
  return rest.length === 0 ? plain : Buffer.concat([plain, rest])
}

/** `header` are the 56 clear bytes in front of the body; they are authenticated with it. */
export function sealSegment(
  keys: PackKeys,
  ordinal: number,
  header: Uint8Array,
  encoded: Uint8Array,
): Uint8Array {
  return sealGcm(keys.segment, nonceOf(ordinal), header, encoded)
}

/** Throws `SegmentDamaged`. */
export function openSegment(
  keys: PackKeys,
  ordinal: number,
  header: Uint8Array,
  body: Uint8Array,
): Uint8Array {
  try {
    return openGcm(keys.segment, nonceOf(ordinal), header, body)
  } catch (cause) {
    throw damage('SegmentDamaged', 'a segment opens with the key of its pack', {}, cause)
  }
}

/** The whole clear pack header is authenticated with the footer. */
export function sealFooter(keys: PackKeys, packHeader: Uint8Array, footer: Uint8Array): Uint8Array {
  return sealGcm(keys.footer, FOOTER_NONCE, packHeader, footer)
}

/** Throws `PackDamaged`. */
export function openFooter(keys: PackKeys, packHeader: Uint8Array, sealed: Uint8Array): Uint8Array {
  try {
    return openGcm(keys.footer, FOOTER_NONCE, packHeader, sealed)
  } catch (cause) {
    throw damage('PackDamaged', 'a footer opens with the key of its pack', {}, cause)
  }
}

/** Throws `PackDamaged`: a pack or index of another owner lies under this owner's name. */
export function checkOwner(header: PackHeader, owner: OwnerId): void {
  check(header.owner === owner, 'PackDamaged', 'a pack belongs to the owner who is asked for')
}
