/** Child processes for tests: what they printed, and how they ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Ran {
  code: number | null
  out: string
  err: string
}

export interface Running {
  process: ChildProcess
  /** Resolves when standard output holds this text. */
  says(text: string): Promise<void>
  ended: Promise<Ran>
}

/** Runs one of the commands of sandbox/run with this process's own Node. */
export function run(command: string, args: readonly string[]): Running {
  const script = fileURLToPath(new URL(`../${command}`, import.meta.url))
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  })
  let out = ''
  let err = ''
  const waiting = new Map<string, () => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    for (const [wanted, found] of waiting) if (out.includes(wanted)) found()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }))
  const says = async (text: string) => {
    if (out.includes(text)) return
    const said = new Promise<void>((found) => waiting.set(text, found))
    const failed = ended.then((ran) => {
      throw new Error(`it ended without saying "${text}": ${ran.out} ${ran.err}`)
    })
    await Promise.race([said, failed])
  }
  return { process: child, says, ended }
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Waits until the process is gone; false after the limit. */
export async function isGone(pid: number, limitMs: number): Promise<boolean> {
  const until = Date.now() + limitMs
  while (isAlive(pid) && Date.now() < until) await new Promise((done) => setTimeout(done, 20))
  return !isAlive(pid)
}
