/** Orchestration versioning: which instances this host may run, as DurableTask.Core decides it. */

export const versionMatchStrategies = ['None', 'Strict', 'CurrentOrOlder'] as const
export type VersionMatchStrategy = (typeof versionMatchStrategies)[number]

/** Reject leaves the instance for another host; Fail ends it. */
export const versionFailureStrategies = ['Reject', 'Fail'] as const
export type VersionFailureStrategy = (typeof versionFailureStrategies)[number]

/** The output of an instance that ends by the strategy Fail. */
export const versionMismatchText =
  'VersionMismatch: Orchestration version did not comply with Worker Versioning'

/** null and '' are both "no version". */
export function versionFits(
  strategy: VersionMatchStrategy,
  instanceVersion: string | null,
  hostVersion: string | null,
): boolean {
  switch (strategy) {
    case 'None':
      return true
    case 'Strict':
      return (instanceVersion ?? '') === (hostVersion ?? '')
    case 'CurrentOrOlder':
      return compareVersions(instanceVersion, hostVersion) <= 0
  }
}

/**
 * Negative, 0 or positive. No version comes before every version; two of .NET's versions (two to
 * four numbers with dots; a missing number comes before 0) are compared number by number;
 * everything else as texts without letter case. "10" and "9" are such texts: "10" is older.
 */
export function compareVersions(left: string | null, right: string | null): number {
  const [one, other] = [left?.trim() ?? '', right?.trim() ?? '']
  if (one === '' || other === '') return Number(one !== '') - Number(other !== '')
  const [numbers, otherNumbers] = [parseVersion(one), parseVersion(other)]
  if (numbers === undefined || otherNumbers === undefined) {
    const [upper, otherUpper] = [one.toUpperCase(), other.toUpperCase()]
    return Number(upper > otherUpper) - Number(upper < otherUpper)
  }
  for (let index = 0; index < 4; index++) {
    const difference = (numbers[index] ?? -1) - (otherNumbers[index] ?? -1)
    if (difference !== 0) return difference
  }
  return 0
}

function parseVersion(text: string): number[] | undefined {
  return /^\d{1,9}(\.\d{1,9}){1,3}$/.test(text) ? text.split('.').map(Number) : undefined
}
