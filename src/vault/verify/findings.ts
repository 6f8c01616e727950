/**
 * What a verification can find, and what a person does about it. docs/vault-command.md has the same
 * table, which a test holds.
 *
 * A finding names opaque ids and blobs, never people or what is theirs (P9).
 */
import type { AppError } from '../../model/errors.ts'
import type { KeyHash, OwnerId, PackId, SegmentId, WorkloadName } from '../../model/ids.ts'

/**
 * `error`: something cannot be read, or cannot be trusted. `warning`: nothing is lost, and it
 * should be looked into. `notice`: as it may be in a vault in order.
 */
export type Severity = 'error' | 'warning' | 'notice'

interface Kind {
  severity: Severity
  what: string
  todo: string
}

/** What is said of blobs that were changed or are gone: the same for all of them. */
const BRING_BACK =
  'Bring the oldest version of the blob back (versions, soft delete, another copy), and find out who changed it.'

const kind = (severity: Severity, what: string, todo: string): Kind => ({ severity, what, todo })

export const FINDINGS = {
  FormatMissing: kind(
    'warning',
    'The vault has no format.json.',
    'Nothing else is lost. Check that the container, or the whole of it, is the right one.',
  ),
  FormatUnknown: kind(
    'error',
    'A blob says that it is of a format which this version of Holdfast does not know.',
    `Verify with the version that wrote it. If no later one ever wrote here, it was changed. ${BRING_BACK}`,
  ),
  ForeignBlobs: kind(
    'notice',
    'Blobs have names that Holdfast does not give; readers pass them.',
    'Give the vault a container of its own; find out who wrote them.',
  ),
  OwnerRecordMissing: kind('error', 'The record of an owner is missing.', BRING_BACK),
  OwnerRecordDamaged: kind(
    'error',
    'The record of an owner is malformed or does not open.',
    BRING_BACK,
  ),
  OwnerRecordUnlinked: kind(
    'error',
    'A later record of an owner does not name the one before it. It does not count.',
    'Somebody who may write the vault made it: find out who. Nothing of the owner is lost.',
  ),
  OwnerRecordUnapproved: kind(
    'warning',
    'There is a later record of an owner. Without an approval it does not count.',
    'Find out who made it: this version of Holdfast writes one record for each owner.',
  ),
  KeyMissing: kind(
    'error',
    'A key of the owner is not at hand: nothing of the owner could be opened.',
    'Recover it (soft delete, the backup of the key folder). If the owner was erased on purpose, nothing is to be done.',
  ),
  KeyDisabled: kind(
    'error',
    'A key of the owner is disabled: nothing of the owner could be opened.',
    'Find out who disabled it, and enable it again.',
  ),
  KeyDenied: kind(
    'error',
    'Whoever verifies may not use the key of the owner: nothing of the owner could be opened.',
    'Give the identity the right to unwrap, or check hashes only.',
  ),
  KeyReplaced: kind(
    'error',
    'The key of the owner is not the one that the record names.',
    'Find out who changed it, and bring the recorded version back. Until then the owner is not backed up.',
  ),
  KeyCannotOpen: kind(
    'error',
    'The key of the owner does not open what was wrapped for it.',
    'Bring the key back that the record names.',
  ),
  IndexSecretDiffers: kind(
    'error',
    'The index secret of the owner is not the one that the commits carry.',
    'Bring the old secret back; whoever has the key can also take it from a commit.',
  ),
  IndexSecretMissing: kind(
    'error',
    'The index secret of the owner is missing: commits were checked by hash, not opened.',
    'Recover it, or verify with the key of the owner: every commit carries the secret.',
  ),
  CommitVoid: kind(
    'error',
    'A commit at the end of a chain is void: its bytes are no valid commit.',
    `It may be another writer's garbage, which the next commit passes; or a commit was changed. ${BRING_BACK}`,
  ),
  CommitVoidPassed: kind(
    'notice',
    'A void commit, which the next commit names and passes. Nothing of it counts.',
    'Nothing. If it happens often, find out what else writes commits.',
  ),
  CommitDamaged: kind(
    'error',
    'A part of a commit is missing or changed: what the commit said is lost.',
    BRING_BACK,
  ),
  ChainGap: kind(
    'error',
    'A commit of a stream is missing, and later ones are there.',
    `Nothing after it can be trusted before it is back. ${BRING_BACK}`,
  ),
  ChainBlocked: kind(
    'error',
    'More commits in a row are void than one commit may pass.',
    `Bring the first of them back first: where it was changed, all after it are void. ${BRING_BACK}`,
  ),
  ChainBeginsAtBase: kind(
    'warning',
    'The first commits of a stream are not there; it was read from a base on.',
    'If they were not expired on purpose, bring them back.',
  ),
  BaseDamaged: kind(
    'warning',
    'A blob of a base is missing or changed. Earlier bases and the commits serve instead.',
    BRING_BACK,
  ),
  BaseDiffers: kind(
    'error',
    'A base does not restate what the commits before it say.',
    'Do not restore from this base: report it. Points before it are not concerned.',
  ),
  BaseUnproven: kind(
    'notice',
    'A base could not be compared: what precedes it is damaged or gone.',
    'Nothing: the base itself is whole. See the findings about the commits before it.',
  ),
  PackMissing: kind(
    'error',
    'A pack is missing that a commit names.',
    `Versions with content in it cannot be restored. ${BRING_BACK}`,
  ),
  PackDamaged: kind(
    'error',
    'A pack was changed: its hash, its framing or its footer is not right.',
    `Segments that still open can be read. ${BRING_BACK}`,
  ),
  PackUnnamed: kind(
    'notice',
    'No commit names a pack: what a writer that was stopped leaves behind.',
    'Nothing; it may be expired after its lock.',
  ),
  IndexMissing: kind(
    'warning',
    'The index of a pack is missing. Content is found without it as long as refs are right.',
    `It can be made again from the pack. ${BRING_BACK}`,
  ),
  IndexDamaged: kind(
    'warning',
    'The index of a pack does not say what the pack says. Readers check what it says.',
    `It can be made again from the pack. ${BRING_BACK}`,
  ),
  IndexUnnamed: kind(
    'notice',
    'An index whose pack is not there.',
    'Nothing, unless the pack is missing too: that is reported by itself.',
  ),
  SegmentDamaged: kind(
    'error',
    'A segment does not open, or is not what its id says.',
    `Versions that use it cannot be restored, unless a copy of it is elsewhere. ${BRING_BACK}`,
  ),
  SegmentMissing: kind(
    'error',
    'A segment that an item needs is nowhere.',
    'The item cannot be restored. Bring its pack back.',
  ),
  ContentDamaged: kind(
    'error',
    'The segments of an item are sound, but together not the content that was recorded.',
    'The item cannot be restored as it was: report it.',
  ),
  VersionsNotKept: kind(
    'warning',
    'The account keeps no versions of blobs: what was overwritten is lost, and nothing is locked.',
    'Switch versioning on, and version-level immutability for the containers of Holdfast.',
  ),
  OldestHidden: kind(
    'error',
    'A later version hides the oldest one of a blob, which counts and is whole.',
    'Copy the oldest version over the name. Find out who may overwrite: nobody has to.',
  ),
  OldestDamaged: kind(
    'error',
    'The oldest version of a blob is not whole, and it has others.',
    'If one of the others is whole, copy it over the name. Find out who wrote them.',
  ),
  SecondVersion: kind(
    'warning',
    'A blob has more than one version. Who reads it gets the same as from the oldest, which counts.',
    'Nothing is lost. If nobody brought the oldest back, find out who may overwrite.',
  ),
  CurrentMissing: kind(
    'error',
    'A blob has versions, and none that its name leads to: somebody deleted it.',
    'Copy its oldest version over the name (or undelete it). Find out who may delete.',
  ),
  LockMissing: kind(
    'warning',
    'A blob that is needed has no lock.',
    'The next pass of the keeper locks it. Find out who wrote it, and check the default policy of the container.',
  ),
  LockOpen: kind(
    'warning',
    'The lock of a blob that is needed can be taken away: it is not locked itself.',
    'The next pass of the keeper locks it. Lock the default policy of the container.',
  ),
  LockShort: kind(
    'warning',
    'The lock of a blob that is needed ends earlier than planned.',
    'See when the keeper last ran and what it reported. If it runs, check the days that both are given.',
  ),
  LockLong: kind(
    'warning',
    'A lock ends more than a year after what is planned.',
    'It cannot be undone, and storage costs until then. Find out who may set locks.',
  ),
} as const satisfies Record<string, Kind>

export type FindingCode = keyof typeof FINDINGS

/** Plain JSON. */
export interface Finding {
  code: FindingCode
  owner?: OwnerId | undefined
  workload?: WorkloadName | undefined
  seq?: number | undefined
  /** Name of the blob. */
  blob?: string | undefined
  pack?: PackId | undefined
  segment?: SegmentId | undefined
  item?: KeyHash | undefined
  /** The check that failed, a fixed phrase. */
  check?: string | undefined
  /** How many, where it is not one. */
  count?: number | undefined
  /** Where it is not as grave as usual: a pack that no commit names, say. */
  severity?: Severity | undefined
}

export function severityOf({ code, severity }: Pick<Finding, 'code' | 'severity'>): Severity {
  return severity ?? FINDINGS[code].severity
}

/** The phrase of the check that failed. */
export function checkOf(error: AppError): string {
  return String(error.context['check'] ?? error.code)
}
