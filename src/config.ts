/**
 * Every setting of Holdfast: one schema, with defaults and help texts.
 *
 * Settings come from the environment (app settings on Azure). An unknown HOLDFAST_ name or a
 * wrong value stops the start with a sentence that says which and why. docs/settings.md is
 * printed from this schema and a test compares them.
 */
import { z } from 'zod'
import { AppError } from './model/errors.ts'

export const ROLES = ['backup', 'access', 'restore', 'keeper', 'expirer', 'all'] as const
export type Role = (typeof ROLES)[number]

const url = z.url()
const whole = z.coerce.number().int()

/** The name of each key is the environment variable. */
export const settingsSchema = z.object({
  HOLDFAST_ROLE: z
    .enum(ROLES)
    .default('all')
    .describe('Which functions this app has; `all` puts every role into one app.'),
  HOLDFAST_TENANT_ID: z
    .uuid()
    .describe('The Microsoft 365 tenant that is protected (directory id).'),
  HOLDFAST_GRAPH_URL: url
    .default('https://graph.microsoft.com')
    .describe('Base address of Microsoft Graph; other clouds have others.'),
  HOLDFAST_GRAPH_SCOPE: z
    .string()
    .default('https://graph.microsoft.com/.default')
    .describe('Scope for which Graph tokens are asked.'),
  HOLDFAST_AUTHORITY_URL: url
    .default('https://login.microsoftonline.com')
    .describe('Base address of Entra ID; issuer and signing keys are read from its metadata.'),
  HOLDFAST_API_AUDIENCE: z
    .string()
    .default('api://holdfast')
    .describe('Audience that a token for the HTTP API must carry.'),
  HOLDFAST_BACKUP_CLIENT_ID: z
    .uuid()
    .optional()
    .describe('Client id of the managed identity that reads from Graph.'),
  HOLDFAST_RESTORE_CLIENT_ID: z
    .uuid()
    .optional()
    .describe('Client id of the managed identity that writes to Graph.'),
  HOLDFAST_VAULT_URL: url
    .optional()
    .describe('Blob endpoint of the vault account, opened with the managed identity.'),
  HOLDFAST_VAULT_CONNECTION: z
    .string()
    .optional()
    .describe('Connection string of the vault account, instead of HOLDFAST_VAULT_URL.'),
  HOLDFAST_TABLES_URL: url
    .optional()
    .describe('Table endpoint of the runtime account, opened with the managed identity.'),
  HOLDFAST_TABLES_CONNECTION: z
    .string()
    .optional()
    .describe('Connection string of the runtime account, instead of HOLDFAST_TABLES_URL.'),
  HOLDFAST_QUEUES_URL: url
    .optional()
    .describe('Queue endpoint of the runtime account, opened with the managed identity.'),
  HOLDFAST_QUEUES: z
    .string()
    .optional()
    .describe('Connection string for the queues; the queue triggers use the same name.'),
  HOLDFAST_KEY_VAULT_URL: url.optional().describe('Key Vault that holds the keys of the owners.'),
  HOLDFAST_KEY_FILE: z
    .string()
    .optional()
    .describe('Folder with local key files instead of a Key Vault; for trials on one machine.'),
  HOLDFAST_LANES: whole.min(1).max(64).default(4).describe('Slices that a run works at once.'),
  HOLDFAST_SLICE_SECONDS: whole
    .min(5)
    .max(1500)
    .default(240)
    .describe('Length of one slice; must stay well inside functionTimeout.'),
  HOLDFAST_LEASE_SLACK_SECONDS: whole
    .min(1)
    .max(600)
    .default(120)
    .describe('A lease outlives the deadline of its slice by this, for the last commit.'),
  HOLDFAST_START_WITHIN_SECONDS: whole
    .min(1)
    .max(3600)
    .default(180)
    .describe('What was asked for and is not begun after this is started without its message.'),
  HOLDFAST_WAVE_PAUSE_SECONDS: whole
    .min(1)
    .max(3600)
    .default(60)
    .describe('Pause between the waves of a run that a person asked for.'),
  HOLDFAST_BUFFER_MIB: whole
    .min(48)
    .max(4096)
    .default(128)
    .describe('Memory that all slices of one worker may use for packs and buffers.'),
  HOLDFAST_SLOT_MINUTES: whole
    .min(1)
    .max(1440)
    .default(30)
    .describe('How long one wave of a run goes on claiming owners.'),
  HOLDFAST_BACKUP_INTERVAL_MINUTES: whole
    .min(0)
    .max(10080)
    .default(15)
    .describe('How often an owner is asked whether anything changed; 0: at every tick.'),
  HOLDFAST_FULL_READ_MINUTES: whole
    .min(5)
    .max(10080)
    .default(360)
    .describe('An owner is read whole so long after the last time, also where nothing is said.'),
  HOLDFAST_DELETION_LAG_MINUTES: whole
    .min(0)
    .max(1440)
    .default(30)
    .describe('An item that left is deleted when a whole round, begun so much later, lacks it.'),
  HOLDFAST_COMMIT_EVENTS: whole
    .min(1)
    .max(50_000)
    .default(2000)
    .describe('A commit is written at so many events at the latest.'),
  HOLDFAST_CURSOR_COMMIT_HOURS: whole
    .min(1)
    .max(720)
    .default(72)
    .describe('A quiet mailbox still gets a commit when its committed links are so old.'),
  HOLDFAST_PERMISSIONS_DAYS: whole
    .min(1)
    .max(365)
    .default(7)
    .describe('Files and folders with permissions of their own are asked for them again so often.'),
  HOLDFAST_SAMPLE_DAYS: whole
    .min(1)
    .max(365)
    .default(7)
    .describe(
      'So often files that changed without a change of their hash are looked at, whether it is forged.',
    ),
  HOLDFAST_SAMPLE_PERCENT: whole
    .min(0)
    .max(100)
    .default(5)
    .describe('Of a hundred such files so many are downloaded each time; 0: none.'),
  HOLDFAST_BASE_DAYS: whole
    .min(1)
    .max(365)
    .default(30)
    .describe('A stream that changed is restated in a base when its newest base is so old.'),
  HOLDFAST_BASE_COMMITS: whole
    .min(10)
    .max(100_000)
    .default(1000)
    .describe(
      'A stream that changed is restated, too, when its newest base is so many commits behind.',
    ),
  HOLDFAST_PACK_MIB: whole
    .min(1)
    .max(64)
    .default(32)
    .describe('A pack is closed when it has grown to so many MiB.'),
  HOLDFAST_PAGE_SIZE: whole
    .min(1)
    .max(1000)
    .default(100)
    .describe('Messages asked for in one page of changes.'),
  HOLDFAST_FILE_PAGE_SIZE: whole
    .min(1)
    .max(1000)
    .default(200)
    .describe('Files and folders asked for in one page of changes.'),
  HOLDFAST_INFECTED_FILES: z
    .enum(['ledger', 'capture'])
    .default('ledger')
    .describe('What SharePoint takes for malware: noted in the ledger, or fetched by a beta call.'),
  HOLDFAST_SHAREPOINT_UNITS_PER_MINUTE: whole
    .min(60)
    .max(1_000_000)
    .default(1250)
    .describe(
      'Resource units that SharePoint grants the app in a minute; 1250 up to 1,000 licences.',
    ),
  HOLDFAST_SHAREPOINT_UNITS_PER_DAY: whole
    .min(1000)
    .max(1_000_000_000)
    .default(1_200_000)
    .describe('The same in 24 hours; larger tenants are granted up to five times as much.'),
  HOLDFAST_PROTECTION_DAYS: whole
    .min(1)
    .max(3650)
    .default(30)
    .describe('Protection window R: what retention needs stays locked for at least so long.'),
  HOLDFAST_GENERATION_DAYS: whole
    .min(1)
    .max(365)
    .default(30)
    .describe('Generation G: locks are extended in steps of so many days.'),
  HOLDFAST_VERIFY_DAYS: whole
    .min(0)
    .max(365)
    .default(30)
    .describe(
      'A verification of all that is held begins so many days after the last, and sooner while the vault is new; 0: none by itself. It reads every pack.',
    ),
  HOLDFAST_VERIFY_PERCENT: whole
    .min(0)
    .max(100)
    .default(100)
    .describe(
      'Of a hundred segments and items it opens so many; 0: hashes only, which verify nothing.',
    ),
  HOLDFAST_VERIFY_LOCKS: z
    .enum(['check', 'skip'])
    .default('check')
    .describe(
      'It looks at versions and locks of blobs; `skip` for an emulator, which has neither.',
    ),
  HOLDFAST_RESTORE_LAG_SECONDS: whole
    .min(0)
    .max(3600)
    .default(120)
    .describe('How long a created item may stay invisible to a search before it is looked for.'),
})

export type Settings = z.infer<typeof settingsSchema>

/** Throws `SettingsInvalid` with one line for each wrong setting. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const known = Object.keys(settingsSchema.shape)
  const unknown = Object.keys(env).filter(
    // HOLDFAST_QUEUES__queueServiceUri and its like belong to the host's queue trigger.
    (n) => n.startsWith('HOLDFAST_') && !n.startsWith('HOLDFAST_QUEUES__') && !known.includes(n),
  )
  const given = Object.fromEntries(known.flatMap((n) => (env[n] ? [[n, env[n]]] : [])))
  const parsed = settingsSchema.safeParse(given)
  const problems = [
    ...unknown.map((name) => `${name} is not a setting of Holdfast`),
    ...(parsed.error?.issues.map((i) => `${i.path.join('.')}: ${i.message}`) ?? []),
    ...(parsed.success ? storageProblems(parsed.data) : []),
  ]
  if (!parsed.success || problems.length > 0) {
    throw new AppError({
      code: 'SettingsInvalid',
      kind: 'permanent',
      message: `The settings are not usable: ${problems.join('; ')}.`,
      hint: 'Correct the app settings; docs/settings.md lists every one of them.',
    })
  }
  return parsed.data
}

/** Each of the four stores is named exactly once. */
function storageProblems(s: Settings): string[] {
  const pairs = [
    ['HOLDFAST_VAULT_URL', 'HOLDFAST_VAULT_CONNECTION'],
    ['HOLDFAST_TABLES_URL', 'HOLDFAST_TABLES_CONNECTION'],
    ['HOLDFAST_QUEUES_URL', 'HOLDFAST_QUEUES'],
    ['HOLDFAST_KEY_VAULT_URL', 'HOLDFAST_KEY_FILE'],
  ] as const
  return pairs.flatMap(([a, b]) =>
    (s[a] === undefined) === (s[b] === undefined) ? [`set exactly one of ${a} and ${b}`] : [],
  )
}
