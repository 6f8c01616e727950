/** The command as people run it: a process of its own. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const COMMAND = fileURLToPath(new URL('../holdfast.ts', import.meta.url))

export interface Ran {
  code: number | null
  stdout: Buffer
  /** Standard output and error as texts. */
  text: string
  errors: string
}

/** `onStart`: to send it a signal, say. */
export function holdfast(
  args: readonly string[],
  onStart: (child: ReturnType<typeof spawn>) => void = () => undefined,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [COMMAND, ...args], {
      env: { PATH: process.env['PATH'], NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.on('error', reject)
    child.on('close', (code) => {
      const stdout = Buffer.concat(out)
      resolve({ code, stdout, text: stdout.toString(), errors: Buffer.concat(err).toString() })
    })
    onStart(child)
  })
}
