/**
 * Profiles: the defaults of a plan or backend that the host should behave like.
 *
 * host.json and `HostOptions.settings` win over a profile, as they win over a plan's defaults.
 */
import type { HostSettings } from './settings.ts'

export const profileNames = ['azure-storage', 'dts', 'consumption'] as const

export type ProfileName = (typeof profileNames)[number]

/**
 * azure-storage: what the extension does by default. dts: Durable Task Scheduler, with its hard
 * limits of 1 MB for a payload and of 100 printable ASCII characters for an id. consumption: the
 * plan's lower limits, whatever the number of cores.
 */
export const profiles: Readonly<Record<ProfileName, Partial<HostSettings>>> = {
  'azure-storage': {},
  dts: { payloadLimitBytes: 1_048_576, instanceIdRule: 'dts' },
  consumption: {
    functionTimeoutMs: 5 * 60_000,
    maxConcurrentActivityFunctions: 10,
    maxConcurrentOrchestratorFunctions: 5,
  },
}
