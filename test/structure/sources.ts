/** The repository's own sources, for tests that hold the rules of the house. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

export const ROOT = new URL('../../', import.meta.url).pathname

export interface Source {
  /** Path from the root, with `/`. */
  path: string
  text: string
}

/** Every TypeScript file below these folders. */
export function sourcesOf(...folders: string[]): Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => !file.includes(`${sep}node_modules${sep}`))
      .map((file) => ({
        path: relative(ROOT, file).split(sep).join('/'),
        text: readFileSync(file, 'utf8'),
      })),
  )
}

export interface Import {
  specifier: string
  /** Only types: gone at run time. */
  typeOnly: boolean
}

const IMPORT = /^(?:import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'|^import\s+'([^']+)'/gm

export function importsOf(source: Source): Import[] {
  return [...source.text.matchAll(IMPORT)].map((m) => ({
    specifier: m[2] ?? m[3] ?? '',
    typeOnly: m[1] !== undefined,
  }))
}

export const isTest = (path: string) => path.endsWith('.test.ts') || path.includes('/testing/')
