/** The directory as discovery sees it: who is there, and who has a mailbox. */
import type { GraphId } from '../model/ids.ts'

/** A user as the directory says it. */
export interface DirectoryUser {
  id: GraphId
  name: string
  /** Mail address, or the sign-in name where there is none. */
  address: string
  /** May sign in. Absent where the page did not say. */
  enabled?: boolean
}

export interface DirectoryPage {
  users: DirectoryUser[]
  /** Users that are gone from the directory. */
  removed: GraphId[]
  next?: string
  delta?: string
}

export type MailboxAnswer =
  /** `purpose`: user, shared, room ... as Exchange says. */
  | { state: 'ready'; purpose: string }
  /** There is nothing to protect; the code says why. */
  | { state: 'none'; reason: string }
  /** We may not look, or could not; the code says why. */
  | { state: 'unreachable'; reason: string }

export interface Directory {
  /** One page of `/users/delta`; null: from the beginning. Throws `ResyncNeeded`. */
  users(link: string | null, signal: AbortSignal): Promise<DirectoryPage>
  /** Is the user in the directory? Throws where that is not certain. */
  exists(user: GraphId, signal: AbortSignal): Promise<boolean>
  /** Has this user a mailbox that Graph can read? */
  mailbox(user: GraphId, signal: AbortSignal): Promise<MailboxAnswer>
}
