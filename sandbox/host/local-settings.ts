/**
 * local.settings.json, as the Core Tools read it: app settings, connection strings, the port.
 *
 * Values fill gaps in the environment and never replace what the caller set.
 */
import { join } from 'node:path'
import { z } from 'zod'
import { HostError } from './errors.ts'
import { readJsonFile } from './json-file.ts'

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String)
const connection = z.union([
  z.string(),
  z.object({ ConnectionString: z.string(), ProviderName: z.string().optional() }),
])
const schema = z.looseObject({
  IsEncrypted: z.boolean().default(false),
  Values: z.record(z.string(), scalar).default({}),
  Host: z
    .looseObject({ LocalHttpPort: z.coerce.number().int().min(0).max(65_535).optional() })
    .default({}),
  ConnectionStrings: z.record(z.string(), connection).default({}),
})

const known: ReadonlySet<string> = new Set(['IsEncrypted', 'Values', 'Host', 'ConnectionStrings'])

export interface LocalSettings {
  /** App settings; a connection string is called `ConnectionStrings:<name>`. */
  readonly values: Readonly<Record<string, string>>
  readonly port: number | undefined
  readonly warnings: readonly string[]
}

/** Throws `bad-setting` with the path of the member at fault, or when the file is encrypted. */
export function readLocalSettings(appDir: string): LocalSettings {
  const path = join(appDir, 'local.settings.json')
  const parsed = schema.safeParse(readJsonFile(path) ?? {})
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'it'}: ${issue.message}`,
    )
    throw new HostError('bad-setting', `local.settings.json: ${faults.join('; ')}`)
  }
  const { IsEncrypted, Values, Host, ConnectionStrings, ...rest } = parsed.data
  if (IsEncrypted) {
    throw new HostError(
      'bad-setting',
      'local.settings.json is encrypted, which only the Core Tools can undo: func settings decrypt',
    )
  }
  const connections = Object.entries(ConnectionStrings).map(([name, value]) => [
    `ConnectionStrings:${name}`,
    typeof value === 'string' ? value : value.ConnectionString,
  ])
  const { LocalHttpPort, ...host } = Host
  const unused = [
    ...Object.keys(host).map((name) => `Host.${name} has no effect in this host`),
    ...Object.keys(rest)
      .filter((name) => !known.has(name))
      .map((name) => `${name} is unknown: it has no effect in any host`),
  ]
  return {
    values: { ...Object.fromEntries(connections), ...Values },
    port: LocalHttpPort,
    warnings: unused.map((text) => `local.settings.json: ${text}`),
  }
}
