/** The figures of files beside those of rclone, for people. Pure. */
import pc from 'picocolors'
import { countText, durationText } from '../progress.ts'
import {
  CHANGED_BESIDE_MAX,
  type FileFigures,
  type LargeFigures,
  type RcloneFigures,
  STEPS,
  type Step,
  type StepFigures,
  UNCHANGED_UNITS_MAX,
  UNITS_PER_FILE_MAX,
} from './files-figures.ts'
import { WORKER_MB_MAX } from './run-figures.ts'

const NAME_COLUMN = 26
const VALUE_COLUMN = 14

export function fileLines(figures: FileFigures): string[] {
  const { rclone, large, files, folders, unitsPerFile, workerPeakMb } = figures
  const other = typeof rclone === 'string' ? undefined : rclone
  return [
    pc.bold(`${countText(files)} files in ${countText(folders)} folders`),
    columns('', ['Holdfast', ...(other ? [`rclone ${other.version}`, 'rclone/Holdfast'] : [])]),
    ...STEPS.flatMap((step) => stepLines(step, figures, other)),
    `  units for a file, first   ${unitsPerFile} (limit ${UNITS_PER_FILE_MAX})`,
    `  peak memory               ${memoryText(workerPeakMb)} (limit ${WORKER_MB_MAX} MB)`,
    ...(other
      ? [`  peak memory of rclone     ${memoryText(other.peakMb)}`]
      : [`  not compared: ${rclone}`]),
    ...(large ? largeLines(large) : []),
  ]
}

function titleOf(step: Step, figures: FileFigures): string {
  const { changes, filesBelowRenamed } = figures
  const titles = {
    first: 'First',
    unchanged: `Nothing changed (limit ${UNCHANGED_UNITS_MAX} units)`,
    changed: `${countText(changes)} files changed (limit ${changes + CHANGED_BESIDE_MAX} units)`,
    renamed: `Folder above ${countText(filesBelowRenamed)} files renamed (no download)`,
  }
  return titles[step]
}

function stepLines(step: Step, figures: FileFigures, rclone: RcloneFigures | undefined): string[] {
  const own = figures.steps[step]
  const its = rclone?.steps[step]
  const line = (name: string, of: (one: StepFigures) => number) => {
    const values = its ? [of(own), of(its)] : [of(own)]
    const ratio = its ? [ratioText(of(own), of(its))] : []
    return columns(name, [...values.map(countText), ...ratio])
  }
  const seconds = [own, ...(its ? [its] : [])].map((one) => durationText(one.seconds))
  return [
    pc.bold(titleOf(step, figures)),
    line('units', ({ units }) => units),
    line('  of them redirects', ({ redirectUnits }) => redirectUnits),
    line('  of them permissions', ({ permissionUnits }) => permissionUnits),
    line('units to find sites', ({ discoveryUnits }) => discoveryUnits),
    line('requests', ({ requests }) => requests),
    line('downloads', ({ downloads }) => downloads),
    line('MB/s', ({ mbPerSecond }) => mbPerSecond),
    line('files/s', ({ filesPerSecond }) => filesPerSecond),
    columns('time', seconds),
  ]
}

/** How many times the first the second is. */
export function ratioText(own: number, its: number): string {
  return own === 0 ? '' : `${(its / own).toFixed(2)} x`
}

function columns(name: string, values: readonly string[]): string {
  return `  ${name.padEnd(NAME_COLUMN)}${values.map((v) => v.padStart(VALUE_COLUMN)).join(' ')}`
}

function largeLines({ gb, seconds, mbPerSecond, workerPeakMb, ...rest }: LargeFigures): string[] {
  const { units, requests, downloads } = rest
  return [
    pc.bold(`One file of ${gb} GB`),
    `  units, requests           ${countText(units)}, ${countText(requests)}`,
    `  downloads                 ${countText(downloads)}`,
    `  speed                     ${mbPerSecond} MB/s, ${durationText(seconds)}`,
    `  peak memory               ${memoryText(workerPeakMb)} (limit ${WORKER_MB_MAX} MB)`,
  ]
}

function memoryText(mb: number | undefined): string {
  return mb === undefined ? 'not measured' : `${mb} MB`
}
