/**
 * The figures of files and their limits, and the same of rclone, which has none. Pure. How they
 * are shown is in files-text.ts. Units and downloads are what the tenant counted.
 */
import { type BackupResult, requestsOf } from '../backup.ts'
import { MB, type RunFigures, rounded, runFigures, workerExceeds } from './run-figures.ts'

export const UNITS_PER_FILE_MAX = 1.1
export const UNCHANGED_UNITS_MAX = 2
/** Beside one for each changed file. */
export const CHANGED_BESIDE_MAX = 5

const GB = 1e9
/** Finding sites and libraries: a company pays it once, not for each drive. */
const DISCOVERY = /^(sites|site|subsites)\./
/** `/content`, which answers with the address of the download. */
const REDIRECT = 'content.get'

export const STEPS = ['first', 'unchanged', 'changed', 'renamed'] as const
export type Step = (typeof STEPS)[number]
export type Steps<T> = Readonly<Record<Step, T>>

/** What one program did in one step. */
export type Ran = Pick<BackupResult, 'requests' | 'seconds'>

export interface StepFigures extends RunFigures {
  /** Without those of discovery. */
  units: number
  discoveryUnits: number
  permissionUnits: number
  /** Units of requests that only ask where a download is. */
  redirectUnits: number
  downloads: number
  /** That were downloaded. */
  mb: number
  mbPerSecond: number
  filesPerSecond: number
}

export interface LargeFigures {
  gb: number
  /** GB of content that were stored. */
  storedGb: number
  units: number
  requests: number
  downloads: number
  seconds: number
  mbPerSecond: number
  workerPeakMb: number | undefined
  workerDeaths: number
}

export interface RcloneFigures {
  version: string
  steps: Steps<StepFigures>
  peakMb: number | undefined
}

export interface FileFigures {
  files: number
  folders: number
  steps: Steps<StepFigures>
  unitsPerFile: number
  stored: number
  /** Files with new content before the third step, and what was stored in it. */
  changes: number
  changesStored: number
  /** Files below the folder that was renamed, and whether its new name is known. */
  filesBelowRenamed: number
  isRenameKnown: boolean
  workerPeakMb: number | undefined
  workerDeaths: number
  /** Undefined: it was left out. */
  large: LargeFigures | undefined
  /** Or why there are none. */
  rclone: RcloneFigures | string
}

export interface FilesMeasured {
  files: number
  folders: number
  steps: Steps<BackupResult>
  changes: number
  filesBelowRenamed: number
  isRenameKnown: boolean
  mb: number | undefined
  workerDeaths: number
  large: LargeMeasured | undefined
  /** Or why it was not measured. */
  rclone: RcloneMeasured | string
}

export interface RcloneMeasured {
  version: string
  steps: Steps<Ran>
  mb: number | undefined
}

export interface LargeMeasured {
  gb: number
  result: BackupResult
  mb: number | undefined
  workerDeaths: number
}

export function fileFigures(given: FilesMeasured): FileFigures {
  const { files, folders, changes, filesBelowRenamed, isRenameKnown, rclone, large } = given
  const steps = stepsOf((step) => stepFigures(given.steps[step]))
  return {
    ...{ files, folders, steps, changes, filesBelowRenamed, isRenameKnown },
    unitsPerFile: rounded(steps.first.units / files, 4),
    stored: given.steps.first.counts.stored,
    changesStored: given.steps.changed.counts.stored,
    workerPeakMb: roundedMb(given.mb),
    workerDeaths: given.workerDeaths,
    large: large && largeFigures(large),
    rclone: typeof rclone === 'string' ? rclone : rcloneFigures(rclone),
  }
}

function rcloneFigures({ version, steps, mb }: RcloneMeasured): RcloneFigures {
  return {
    ...{ version, peakMb: roundedMb(mb) },
    steps: stepsOf((step) => stepFigures(steps[step])),
  }
}

/** The same of each step, in their order. */
export function stepsOf<T>(of: (step: Step) => T): Steps<T> {
  return {
    ...{ first: of('first'), unchanged: of('unchanged') },
    ...{ changed: of('changed'), renamed: of('renamed') },
  }
}

export function stepFigures(ran: Ran): StepFigures {
  const { units, downloads, bytesOut } = ran.requests
  const discovery = Object.entries(units.kinds)
    .filter(([kind]) => DISCOVERY.test(kind))
    .reduce((sum, [, count]) => sum + count, 0)
  return {
    ...runFigures(ran),
    units: units.total - discovery,
    discoveryUnits: discovery,
    permissionUnits: units.permissions,
    redirectUnits: units.kinds[REDIRECT] ?? 0,
    downloads,
    mb: rounded(bytesOut / MB),
    mbPerSecond: rounded(bytesOut / MB / ran.seconds, 2),
    filesPerSecond: rounded(downloads / ran.seconds),
  }
}

function largeFigures({ gb, result, mb, workerDeaths }: LargeMeasured): LargeFigures {
  const { seconds, requests, bytes } = result
  return {
    ...{ gb, workerDeaths, units: requests.units.total },
    storedGb: rounded(bytes / GB, 3),
    ...{ requests: requestsOf(requests), downloads: requests.downloads, seconds: rounded(seconds) },
    // Not by the tenant's count, which has what each range began with, also where it broke off.
    mbPerSecond: rounded(bytes / MB / seconds, 2),
    workerPeakMb: roundedMb(mb),
  }
}

function roundedMb(mb: number | undefined): number | undefined {
  return mb === undefined ? undefined : rounded(mb)
}

/** Every limit that does not hold, in sentences. */
export function filesExceed(figures: FileFigures): string[] {
  const { large } = figures
  return [
    ...firstExceeds(figures),
    ...laterExceeds(figures),
    ...workerExceeds(figures.workerPeakMb, figures.workerDeaths),
    ...(large ? largeExceeds(large) : []),
  ]
}

function firstExceeds({ stored, files, unitsPerFile }: FileFigures): string[] {
  const exceeded: string[] = []
  if (stored < files) exceeded.push(`only ${stored} of ${files} files were stored`)
  if (unitsPerFile > UNITS_PER_FILE_MAX) {
    const cost = unitsPerFile.toFixed(3)
    exceeded.push(`${cost} units for a file, ${UNITS_PER_FILE_MAX} are allowed`)
  }
  return exceeded
}

function laterExceeds(figures: FileFigures): string[] {
  const { steps, changes, changesStored, isRenameKnown } = figures
  const { unchanged, changed, renamed } = steps
  const exceeded: string[] = []
  if (unchanged.units > UNCHANGED_UNITS_MAX) {
    exceeded.push(
      `${unchanged.units} units for an unchanged drive, ${UNCHANGED_UNITS_MAX} are allowed`,
    )
  }
  const limit = changes + CHANGED_BESIDE_MAX
  if (changed.units > limit) {
    exceeded.push(`${changed.units} units for ${changes} changes, ${limit} are allowed`)
  }
  if (changesStored !== changes) {
    exceeded.push(`${changesStored} of ${changes} changed files were stored`)
  }
  if (renamed.downloads > 0) {
    exceeded.push(`${renamed.downloads} downloads for a renamed folder, none is allowed`)
  }
  if (!isRenameKnown) exceeded.push('the renamed folder still has its old name')
  return exceeded
}

function largeExceeds({ gb, storedGb, workerPeakMb, workerDeaths }: LargeFigures): string[] {
  const exceeded = workerExceeds(workerPeakMb, workerDeaths)
  if (storedGb < gb) exceeded.push(`only ${storedGb} GB were stored`)
  return exceeded.map((sentence) => `with a file of ${gb} GB ${sentence}`)
}
