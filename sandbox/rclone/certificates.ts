/**
 * A certificate authority that lives as long as one run, and a certificate of it for some names
 * (RFC 5280). node:crypto signs anything but makes no certificates, so they are written here.
 *
 * Invariants: keys are new at each call and stay in memory; nothing on the machine comes to trust
 * the authority: whoever should is handed its certificate.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import * as der from './der.ts'

const HOUR_MS = 3_600_000
/** Longer than any run, shorter than anybody could keep it by mistake. */
const LIFE_MS = 24 * HOUR_MS

const ID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuthentication: '1.3.6.1.5.5.7.3.1',
} as const

const DNS_NAME = 0x82
const VERSION = 0xa0
const EXTENSIONS = 0xa3
const VERSION_3 = Buffer.from([2])

export interface Identity {
  /** Private key, PEM. */
  readonly key: string
  /** PEM. */
  readonly certificate: string
}

export interface Authority {
  /** PEM: what clients are told to trust. */
  readonly certificate: string
  /** A server's key and certificate for these host names. */
  identityFor(names: readonly string[]): Identity
}

/** `nowMs`: the certificates are good from an hour before it to a day after. */
export function createAuthority(nowMs: number): Authority {
  const name = 'A throw-away authority of one bench'
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certify = (subject: string, key: KeyObject, extensions: readonly Buffer[]) =>
    certificate({ issuer: name, subject, key, signer: own.privateKey, extensions, nowMs })
  return {
    certificate: certify(name, own.publicKey, [
      critical(ID.basicConstraints, der.sequence(der.yes)),
      critical(ID.keyUsage, der.bitString(KEY_CERT_SIGN.bits, KEY_CERT_SIGN.unused)),
    ]),
    identityFor(names) {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      return {
        key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        certificate: certify(names[0] ?? '', publicKey, serverExtensions(names)),
      }
    },
  }
}

/** Bit 5 of a key's uses, and bit 0. */
const KEY_CERT_SIGN = { bits: Buffer.from([0x04]), unused: 2 }
const DIGITAL_SIGNATURE = { bits: Buffer.from([0x80]), unused: 7 }

function serverExtensions(names: readonly string[]): Buffer[] {
  return [
    critical(ID.basicConstraints, der.sequence()),
    critical(ID.keyUsage, der.bitString(DIGITAL_SIGNATURE.bits, DIGITAL_SIGNATURE.unused)),
    extension(ID.extendedKeyUsage, der.sequence(der.objectId(ID.serverAuthentication))),
    extension(
      ID.subjectAltName,
      der.sequence(...names.map((name) => der.tagged(DNS_NAME, Buffer.from(name)))),
    ),
  ]
}

function extension(id: string, value: Buffer): Buffer {
  return der.sequence(der.objectId(id), der.octetString(value))
}

function critical(id: string, value: Buffer): Buffer {
  return der.sequence(der.objectId(id), der.yes, der.octetString(value))
}

interface Certificate {
  readonly issuer: string
  readonly subject: string
  readonly key: KeyObject
  readonly signer: KeyObject
  readonly extensions: readonly Buffer[]
  readonly nowMs: number
}

function certificate({ issuer, subject, key, signer, extensions, nowMs }: Certificate): string {
  const algorithm = der.sequence(der.objectId(ID.ecdsaWithSha256))
  const body = der.sequence(
    der.tagged(VERSION, der.integer(VERSION_3)),
    der.integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    commonName(issuer),
    der.sequence(der.utcTime(nowMs - HOUR_MS), der.utcTime(nowMs + LIFE_MS)),
    commonName(subject),
    key.export({ type: 'spki', format: 'der' }),
    der.tagged(EXTENSIONS, der.sequence(...extensions)),
  )
  const whole = der.sequence(body, algorithm, der.bitString(sign('sha256', body, signer)))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function commonName(text: string): Buffer {
  return der.sequence(der.set(der.sequence(der.objectId(ID.commonName), der.utf8(text))))
}
