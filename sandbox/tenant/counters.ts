/** Counts of Graph requests by kind, for verdicts such as "a quiet round costs N calls". */

export interface RequestCounts {
  /** All requests that reached a served call, refused ones too. */
  readonly requests: Readonly<Record<string, number>>
  /** Those of them that were answered 429. */
  readonly throttled: Readonly<Record<string, number>>
  readonly statuses: Readonly<Record<string, number>>
  /** By the id of the user whose mailbox was asked, then by kind. */
  readonly mailboxes: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly units: UnitCounts
  /** Files and versions that were given out, and their bytes; a range is one of them. */
  readonly downloads: number
  readonly bytesOut: number
}

/** Resource units of SharePoint, refused calls included. */
export interface UnitCounts {
  readonly total: number
  /** Those of them that went for permissions. */
  readonly permissions: number
  readonly kinds: Readonly<Record<string, number>>
  /** By client id. */
  readonly apps: Readonly<Record<string, number>>
}

export interface Counters {
  /** `user`: id of whose mailbox was asked; absent: it was about no mailbox. */
  count(kind: string, status: number, user?: string): void
  charge(app: string, kind: string, units: number): void
  /** A download that was answered, with so many bytes. */
  sent(bytes: number): void
  read(): RequestCounts
  reset(): void
}

export function createCounters(): Counters {
  const requests = new Map<string, number>()
  const throttled = new Map<string, number>()
  const statuses = new Map<string, number>()
  const mailboxes = new Map<string, Map<string, number>>()
  const units = { total: 0, permissions: 0 }
  const unitsByKind = new Map<string, number>()
  const unitsByApp = new Map<string, number>()
  const out = { downloads: 0, bytesOut: 0 }
  const add = (map: Map<string, number>, key: string, n = 1) =>
    map.set(key, (map.get(key) ?? 0) + n)
  return {
    count(kind, status, user) {
      add(requests, kind)
      add(statuses, String(status))
      if (status === 429) add(throttled, kind)
      if (user === undefined) return
      const mailbox = mailboxes.get(user) ?? new Map<string, number>()
      mailboxes.set(user, mailbox)
      add(mailbox, kind)
    },
    charge(app, kind, count) {
      units.total += count
      if (kind.startsWith('permission')) units.permissions += count
      add(unitsByKind, kind, count)
      add(unitsByApp, app, count)
    },
    sent(bytes) {
      out.downloads += 1
      out.bytesOut += bytes
    },
    read: () => ({
      requests: Object.fromEntries(requests),
      throttled: Object.fromEntries(throttled),
      statuses: Object.fromEntries(statuses),
      mailboxes: Object.fromEntries(
        [...mailboxes].map(([user, kinds]) => [user, Object.fromEntries(kinds)]),
      ),
      units: {
        ...units,
        kinds: Object.fromEntries(unitsByKind),
        apps: Object.fromEntries(unitsByApp),
      },
      ...out,
    }),
    reset() {
      for (const map of [requests, throttled, statuses, mailboxes]) map.clear()
      for (const map of [unitsByKind, unitsByApp]) map.clear()
      Object.assign(units, { total: 0, permissions: 0 })
      Object.assign(out, { downloads: 0, bytesOut: 0 })
    },
  }
}
