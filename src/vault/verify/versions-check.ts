/**
 * What only versions show of an owner's blobs: names behind which a second version lies, or none,
 * and locks. Of several versions of a name the oldest counts (docs/format.md, 8.2).
 *
 * Only where one name has several versions is anything read; otherwise this is a listing.
 */
import { hasCode } from '../../model/errors.ts'
import type { BlobVersion, BlobVersions } from '../../ports.ts'
import { sha256Hex } from '../create-once.ts'
import {
  commitsOfOwnerPrefix,
  FORMAT_FILE,
  indexesPrefix,
  ownerOfName,
  ownerRecordsPrefix,
  packsPrefix,
} from '../names.ts'
import { type VersionedName, versionedNames } from '../retention/blob-versions.ts'
import type { FindingCode } from './findings.ts'
import type { Position, VerifyPlan } from './progress.ts'
import { isWhole, placeOf, WHOLE_BYTES_MAX } from './whole-blob.ts'
import type { Access, Work } from './work.ts'

/** Names after which progress is told. */
const BATCH = 1000
const PREFIXES = [ownerRecordsPrefix, commitsOfOwnerPrefix, indexesPrefix, packsPrefix] as const

type VersionsPosition = Extract<Position, { step: 'versions' }>

interface Looking {
  work: Work
  versions: BlobVersions
  locks: NonNullable<VerifyPlan['locks']>
  isNeeded(name: string): boolean
  secret: Access['secret']
}

/** What belongs to no owner: whether there are versions at all, and those of `format.json`. */
export async function checkFormatVersions(work: Work): Promise<void> {
  const looking = lookingAt(work, undefined, () => true)
  if (looking === undefined) return
  try {
    for await (const _ of looking.versions.versions('', work.signal)) break
  } catch (error) {
    if (!hasCode(error, 'VersionsMissing')) throw error
    work.tally.find({ code: 'VersionsNotKept' })
    work.versions = undefined
    return
  }
  for await (const named of versionedNames(looking.versions, FORMAT_FILE, work.signal)) {
    if (named.name === FORMAT_FILE) await checkName(looking, named)
  }
}

/** From `position` on, each answer with everything before it in the tally. */
export async function* checkVersions(
  work: Work,
  access: Access,
  { position, isNeeded }: { position: VersionsPosition; isNeeded(name: string): boolean },
): AsyncGenerator<VersionsPosition> {
  const looking = lookingAt(work, access, isNeeded)
  if (looking === undefined) return
  const { after: _first, ...rest } = position
  let { prefix, after = '' } = position
  for (const prefixOf of PREFIXES.slice(prefix)) {
    let looked = 0
    const names = versionedNames(looking.versions, prefixOf(access.owner), work.signal)
    for await (const named of names) {
      if (named.name <= after || ownerOfName(named.name) === undefined) continue
      await checkName(looking, named)
      after = named.name
      looked += 1
      if (looked % BATCH === 0) yield { ...rest, prefix, after }
    }
    after = ''
    prefix += 1
    yield { ...rest, prefix }
  }
}

/** Undefined: versions are not looked at, which the plan says, or what was found at the start. */
function lookingAt(
  work: Work,
  access: Access | undefined,
  isNeeded: Looking['isNeeded'],
): Looking | undefined {
  const { versions, plan } = work
  if (versions === undefined || plan.locks === undefined) return undefined
  return { work, versions, locks: plan.locks, isNeeded, secret: access?.secret }
}

async function checkName(looking: Looking, { name, versions }: VersionedName): Promise<void> {
  const { tally } = looking.work
  const [oldest] = versions
  const isNeeded = looking.isNeeded(name)
  const at = { ...placeOf(name), blob: name }
  tally.add({ versions: versions.length, held: versions.filter(({ held }) => held).length })
  const unlocked = isNeeded ? lockTrouble(oldest, looking) : undefined
  if (unlocked) tally.find({ code: unlocked, ...at })
  const most = Date.parse(looking.locks.most)
  const long = versions.filter(({ lock }) => lock && lock.until.getTime() > most).length
  if (long > 0) tally.find({ code: 'LockLong', ...at, count: long })
  for (const code of await nameTroubles(looking, { name, versions })) {
    // What nobody needs is missed by nobody; and who expires it takes two steps.
    const severity = isNeeded ? undefined : code === 'CurrentMissing' ? 'notice' : 'warning'
    tally.find({ code, ...at, severity })
  }
}

function lockTrouble({ lock }: BlobVersion, { locks }: Looking): FindingCode | undefined {
  if (lock === undefined) return 'LockMissing'
  if (!lock.locked) return 'LockOpen'
  return lock.until.getTime() < Date.parse(locks.until) ? 'LockShort' : undefined
}

/** What is wrong with what the name leads to. */
async function nameTroubles(
  looking: Looking,
  { name, versions }: VersionedName,
): Promise<FindingCode[]> {
  const [oldest] = versions
  const current = versions.find((version) => version.current)
  if (versions.length === 1) return current ? [] : ['CurrentMissing']
  const judged = await judge(looking, oldest)
  // Somebody removed it meanwhile: the next verification finds what is left.
  if (judged === 'gone') return []
  if (!judged.isWhole) return current ? ['OldestDamaged'] : ['OldestDamaged', 'CurrentMissing']
  if (current === undefined) return ['CurrentMissing']
  const isSame =
    current.bytes === oldest.bytes && (await sameBytes(looking, name, current, judged.sha256))
  return [isSame ? 'SecondVersion' : 'OldestHidden']
}

/** One that is longer than any that is written is not read. */
async function judge(
  { work, versions, secret }: Looking,
  { name, version, bytes }: BlobVersion,
): Promise<{ isWhole: boolean; sha256: string } | 'gone'> {
  if (bytes > WHOLE_BYTES_MAX) return { isWhole: false, sha256: '' }
  const found = await versions.readVersion(name, version, work.signal)
  if (found === undefined) return 'gone'
  return { isWhole: isWhole(name, found, secret), sha256: sha256Hex(found) }
}

async function sameBytes(
  { work, versions }: Looking,
  name: string,
  { version }: BlobVersion,
  sha256: string,
): Promise<boolean> {
  const found = await versions.readVersion(name, version, work.signal)
  return found !== undefined && sha256Hex(found) === sha256
}
