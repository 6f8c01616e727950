/** Programs in the place of rclone, for tests that must not depend on whether it is installed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-rclone-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** `body` may use `log`, which writes a line as rclone logs it, and the global objects of Node. */
export function standIn(folder: string, body: string): string {
  const program = join(folder, 'stand-in')
  const log = 'const log = (line) => process.stderr.write(JSON.stringify(line) + "\\n")'
  writeFileSync(program, `#!${process.execPath}\n${log}\n${body}\n`, { mode: 0o755 })
  return program
}
