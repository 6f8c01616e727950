/**
 * rclone in the place of Holdfast: the library of the bench, in the same tenant, to a container
 * of the same Azurite. Programs of the machine are run as they are, and nothing of it is touched.
 */
import {
  findRclone,
  prepareCopy,
  type Rclone,
  RcloneBroken,
  startGraphProxy,
} from '../../rclone/index.ts'
import { BACKUP_CLIENT_ID } from '../../tenant/index.ts'
import { watchMemory } from '../memory.ts'
import { Trouble } from '../trouble.ts'
import type { BenchStack } from './bench-stack.ts'
import { type Ran, type RcloneMeasured, type Step, stepsOf } from './files-figures.ts'

const CONTAINER = 'rclone'
/** Longer than all its runs. */
const TOKEN_SECONDS = 86_400

export interface RcloneBench {
  /** One copy. */
  run(step: Step): Promise<void>
  /** What the tenant was asked for each step. Throws where one did not run. */
  results(): RcloneMeasured
  stop(): Promise<void>
}

/** Undefined: none is installed. */
export async function lookForRclone(): Promise<Rclone | undefined> {
  try {
    return await findRclone(process.env)
  } catch (cause) {
    if (!(cause instanceof RcloneBroken)) throw cause
    throw new Trouble(`${cause.message}.`, {
      hint: 'Take HOLDFAST_RCLONE away to go without a comparison.',
      cause,
    })
  }
}

export async function startRclone(
  { program, version }: Rclone,
  { stack, folder, signal }: BenchStack,
  driveId: string,
): Promise<RcloneBench> {
  const { control, tenantUrl, azurite } = stack
  const clientId = BACKUP_CLIENT_ID
  const { token } = await control.issueAppToken({ clientId, lifeSeconds: TOKEN_SECONDS })
  const proxy = await startGraphProxy(tenantUrl)
  const pids: number[] = []
  const memory = watchMemory(() => pids.slice(-1))
  const { blobUrl } = azurite
  const places = { folder, proxy, driveId, token, blobUrl, container: CONTAINER }
  const { copy } = prepareCopy(places)
  const ran = new Map<Step, Ran>()
  const of = (step: Step): Ran => {
    const found = ran.get(step)
    if (!found) throw new Error(`rclone did not run the step ${step}`)
    return found
  }
  return {
    async run(step) {
      await control.resetCounts({})
      const { seconds } = await copy({ program, signal, onStart: (pid) => pids.push(pid) })
      ran.set(step, { seconds, requests: await control.counts({}) })
    },
    results: () => ({ version, mb: memory.peakMb(), steps: stepsOf(of) }),
    async stop() {
      await memory.stop()
      await proxy.stop()
    },
  }
}
