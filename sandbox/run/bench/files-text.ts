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
const VALUE_COLUMN = 19

export function fileLines(figures: FileFigures): string[] {
  const { rclone, large, files, folders, workerPeakMb } = figures
  const other = typeof rclone === 'string' ? undefined : rclone
  return [
    pc.bold(`${countText(files)} files in ${countText(folders)} folders`),
    columns('', ['Holdfast', ...(other ? [`rclone ${other.version}`, 'rclone/Holdfast'] : [])]),
    ...STEPS.flatMap((step) => stepLines(step, figures, other)),
    pc.bold('Worker'),
    `  peak memory               ${memoryText(workerPeakMb)} (limit ${WORKER_MB_MAX} MB)`,
    ...(other
      ? [`  peak memory of rclone     ${memoryText(other.peakMb)}`]
      : [`  not compared: ${rclone}`]),
    ...(large ? largeLines(large) : []),
  ]
}

function titleOf(step: Step, figures: FileFigures): string {
  const { changes, filesBelowRenamed, unitsPerFile } = figures
  const titles = {
    first: `First: ${unitsPerFile} units for a file (limit ${UNITS_PER_FILE_MAX})`,
    unchanged: `Nothing changed (limit ${UNCHANGED_UNITS_MAX} units)`,
    changed: `${countText(changes)} files changed (limit ${changes + CHANGED_BESIDE_MAX} units)`,
    renamed: `Folder above ${countText(filesBelowRenamed)} files renamed (no download)`,
  }
  return titles[step]
}

/** What is shown of a step. A line of nothing but zeros is left out. */
const LINES: readonly Line[] = [
  { name: 'units', of: ({ units }) => units, text: countText, hasRatio: true },
  { name: '  of them redirects', of: ({ redirectUnits }) => redirectUnits, text: countText },
  { name: '  of them permissions', of: ({ permissionUnits }) => permissionUnits, text: countText },
  { name: 'units to find sites', of: ({ discoveryUnits }) => discoveryUnits, text: countText },
  { name: 'requests', of: ({ requests }) => requests, text: countText, hasRatio: true },
  { name: 'downloads', of: ({ downloads }) => downloads, text: countText, hasRatio: true },
  { name: 'MB/s', of: ({ mbPerSecond }) => mbPerSecond, text: speedText, hasRatio: true },
  { name: 'files/s', of: ({ filesPerSecond }) => filesPerSecond, text: speedText, hasRatio: true },
  { name: 'time', of: ({ seconds }) => seconds, text: durationText },
]

interface Line {
  name: string
  of(figures: StepFigures): number
  text(value: number): string
  hasRatio?: true
}

function stepLines(step: Step, figures: FileFigures, rclone: RcloneFigures | undefined): string[] {
  const all = [figures.steps[step], ...(rclone ? [rclone.steps[step]] : [])]
  const lines = LINES.map(({ name, of, text, hasRatio }) => {
    const values = all.map(of)
    const [own = 0, its] = values
    const ratio = hasRatio && its !== undefined ? [ratioText(own, its)] : []
    return { values, line: columns(name, [...values.map(text), ...ratio]) }
  })
  const said = lines.filter(({ values }) => values.some((value) => value > 0))
  return [pc.bold(titleOf(step, figures)), ...said.map(({ line }) => line)]
}

function speedText(value: number): string {
  return value.toFixed(1)
}

/** How many times the first the second is. */
export function ratioText(own: number, its: number): string {
  return own === 0 ? '' : `${(its / own).toFixed(2)} x`
}

function columns(name: string, values: readonly string[]): string {
  return `  ${name.padEnd(NAME_COLUMN)}${values.map((v) => v.padStart(VALUE_COLUMN)).join('')}`.trimEnd()
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
