/**
 * What the delta of a folder shows of the tenant: the folder as it was at the horizon, what is
 * shown once more, and what goes away as soon as it was shown.
 *
 * Invariants: with no trouble set, the view is the present. Under a lag it is one consistent past
 * of this folder, departures included; two folders may be at different pasts, so an item that
 * moved can be in both or in neither for a while. A replay comes before the item's present state
 * in the same answer, or is that state: the last occurrence is never wrong.
 */
import type { Message } from '../model.ts'
import type { LeftMessage } from '../state/messages.ts'
import type { Reading } from './message-delta.ts'
import type { MailboxUser } from './request.ts'

/** Items that a round may begin with although they have not changed. */
const REPLAYED_MAX = 5

export interface FolderChange {
  readonly seq: number
  readonly message: Message | null
  readonly left: LeftMessage | null
}

/** Changes and departures after the cursor's position up to the horizon, in their order. */
export function changesAfter(
  { request, folder, cursor, since, horizon }: Reading,
  countMax: { readonly changed: number; readonly left: number },
): FolderChange[] {
  const { messages, trouble } = request.state
  const { where, values } = since ?? { where: '1', values: [] }
  const present = messages.query(
    `folder = ? AND seq > ? AND seq <= ? AND ${where} ORDER BY seq LIMIT ?`,
    [folder.pk, cursor.position, horizon, ...values, countMax.changed],
  )
  const bygone = trouble.past
    .statesAt(folder.pk, horizon)
    .filter(({ seq, receivedMs }) => seq > cursor.position && (since?.matches(receivedMs) ?? true))
  const left = messages
    .leftSince(folder, Math.max(cursor.position, cursor.began), countMax.left)
    .filter(({ seq }) => seq <= horizon)
  return [
    ...[...present, ...bygone].map((message) => ({ seq: message.seq, message, left: null })),
    ...left.map((entry) => ({ seq: entry.seq, message: null, left: entry })),
  ].toSorted((a, b) => a.seq - b.seq)
}

/** Older states of items of this page, as far as they are remembered. */
export function olderStates({ request }: Reading, shown: readonly Message[]): Message[] {
  const { settings, trouble } = request.state
  return shown
    .filter(({ immutableId, seq }) => trouble.happens(settings.replays, 'older', immutableId, seq))
    .flatMap((message) => trouble.past.stateBefore(message) ?? [])
}

/** Items that nothing happened to, at the beginning of a later round. */
export function replayed({ request, folder, cursor }: Reading): Message[] {
  const { settings, trouble, messages } = request.state
  if (settings.replays === 0 || cursor.kind !== 'delta') return []
  return messages
    .query('folder = ? AND seq <= ? ORDER BY seq DESC LIMIT ?', [
      folder.pk,
      cursor.position,
      REPLAYED_MAX,
    ])
    .filter(({ immutableId }) =>
      trouble.happens(settings.replays, 'replay', immutableId, cursor.position),
    )
}

/** Some of what was just listed goes: for good, into the recoverable items, or elsewhere. */
export function vanish({ request }: Reading, user: MailboxUser, shown: readonly Message[]): void {
  const { state } = request
  const going = shown.filter((message) => state.trouble.vanishes(message))
  if (going.length === 0) return
  state.db.transaction(() => {
    for (const { pk, immutableId } of going) {
      const [message] = state.messages.query('pk = ? AND immutable_id = ?', [pk, immutableId])
      if (!message) continue
      if (state.trouble.happens(1 / 3, 'destroyed', immutableId)) state.messages.destroy(message)
      else if (state.trouble.happens(1 / 2, 'deleted', immutableId)) {
        state.deleteMessage(user, message)
      } else {
        const archive = state.folders.wellKnown(user, 'archive')
        state.messages.move(user, message, archive, state.nowMs())
      }
    }
  })
}
