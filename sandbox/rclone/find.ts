/** Which rclone there is: the one that HOLDFAST_RCLONE names, else the one on the PATH. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** A program that does not even say its version in this time is none. */
const ANSWER_MS = 10_000

export interface Rclone {
  readonly program: string
  /** As it says it, for example `v1.60.1-DEV`. */
  readonly version: string
}

export class RcloneBroken extends Error {
  override readonly name = 'RcloneBroken'
}

/** Undefined: none is installed. Throws where the one that was named is none. */
export async function findRclone(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Rclone | undefined> {
  const named = environment['HOLDFAST_RCLONE'] || undefined
  const program = named ?? 'rclone'
  const { PATH } = environment
  try {
    // Without a configuration of its own, so that none is looked for.
    const { stdout } = await run(program, ['version', '--config', ''], {
      env: { PATH },
      timeout: ANSWER_MS,
    })
    const version = versionIn(stdout)
    if (version !== undefined) return { program, version }
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    if (isMissing && named === undefined) return undefined
    throw new RcloneBroken(`${program} could not be run`, { cause })
  }
  throw new RcloneBroken(`${program} does not say which version of rclone it is`)
}

export function versionIn(said: string): string | undefined {
  return /^rclone (v\S+)/.exec(said)?.[1]
}
