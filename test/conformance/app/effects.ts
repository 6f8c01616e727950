/**
 * What activities did, in a file, because a worker may die: a line for each effect. The runner asks
 * the app for it, so that it need not run on the host's machine.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const file = process.env['CONFORMANCE_EFFECTS'] ?? join(tmpdir(), 'holdfast-conformance-effects')

export function note(instance: string, text: string): void {
  appendFileSync(file, `${JSON.stringify({ instance, text })}\n`)
}

export function effectsOf(instance: string): string[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { instance: string; text: string })
    .flatMap((line) => (line.instance === instance ? [line.text] : []))
}
