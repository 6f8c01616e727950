/**
 * Loads a function app's entry files in the worker process.
 *
 * `main` of package.json is a glob relative to the app folder; every match is loaded in order.
 * ES modules are imported, everything else is required, as in the real worker. host.json and
 * local.settings.json are the host's business and never read here.
 */
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const entryFilesMax = 1000

/** Throws on the first file that fails: the real host would not run any function either. */
export async function loadApp(appDir: string): Promise<void> {
  const manifest: unknown = JSON.parse(await readFile(join(appDir, 'package.json'), 'utf8'))
  const { main, type } = readManifest(manifest)
  const files = globSync(main, { cwd: appDir }).sort()
  if (files.length === 0) {
    throw new Error(`Found zero files matching the supplied pattern "${main}" in ${appDir}`)
  }
  if (files.length > entryFilesMax) {
    throw new Error(`"${main}" matches ${files.length} files; the limit is ${entryFilesMax}`)
  }
  const require = createRequire(join(appDir, 'package.json'))
  for (const file of files) {
    const path = join(appDir, file)
    if (isEsModule(file, type)) {
      await import(pathToFileURL(path).href)
    } else {
      require(path)
    }
  }
}

function isEsModule(file: string, packageType: string): boolean {
  if (/\.m[jt]s$/.test(file)) return true
  return packageType === 'module' && !/\.c[jt]s$/.test(file)
}

function readManifest(manifest: unknown): { main: string; type: string } {
  if (typeof manifest !== 'object' || manifest === null) {
    throw new Error('package.json is not an object')
  }
  const main = 'main' in manifest ? manifest.main : undefined
  const type = 'type' in manifest ? manifest.type : undefined
  if (typeof main !== 'string' || main === '') {
    throw new Error('package.json has no "main": a function app names its entry files there')
  }
  return { main, type: typeof type === 'string' ? type : 'commonjs' }
}
