/** Counts of Graph requests by kind, for verdicts such as "a quiet round costs N calls". */

export interface RequestCounts {
  /** All requests that reached a served call, refused ones too. */
  readonly requests: Readonly<Record<string, number>>
  /** Those of them that were answered 429. */
  readonly throttled: Readonly<Record<string, number>>
  readonly statuses: Readonly<Record<string, number>>
  /** By the id of the user whose mailbox was asked, then by kind. */
  readonly mailboxes: Readonly<Record<string, Readonly<Record<string, number>>>>
}

export interface Counters {
  /** `user`: id of whose mailbox was asked; absent: it was about no mailbox. */
  count(kind: string, status: number, user?: string): void
  read(): RequestCounts
  reset(): void
}

export function createCounters(): Counters {
  const requests = new Map<string, number>()
  const throttled = new Map<string, number>()
  const statuses = new Map<string, number>()
  const mailboxes = new Map<string, Map<string, number>>()
  const add = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1)
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
    read: () => ({
      requests: Object.fromEntries(requests),
      throttled: Object.fromEntries(throttled),
      statuses: Object.fromEntries(statuses),
      mailboxes: Object.fromEntries(
        [...mailboxes].map(([user, kinds]) => [user, Object.fromEntries(kinds)]),
      ),
    }),
    reset() {
      for (const map of [requests, throttled, statuses, mailboxes]) map.clear()
    },
  }
}
