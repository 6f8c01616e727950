/** What makes a held message right at a point (verdict.ts). */
import type { GraphId } from '../../../../src/model/ids.ts'
import type { Held } from '../points.ts'
import { type Checkpoint, type ItemRules, strangers, wrongFolder, wrongItem } from '../verdict.ts'
import type { Mailbox, MessageState } from './mailbox.ts'

/** What the tenant sent as the MIME of a message, by the hash of its bytes. */
export interface Served {
  readonly message: GraphId
  readonly token: string
}

export interface MailTruth {
  readonly mailbox: Mailbox
  readonly served: ReadonlyMap<string, Served>
  /** Content of a message that could not be read at some time: its entry explains what is missing. */
  readonly wasUnreadable: (message: GraphId) => boolean
}

/** Everything that is wrong at this point; empty where all is as it must be. */
export function faultsOf(point: Checkpoint, truth: MailTruth): string[] {
  const { messages, folders } = truth.mailbox
  const found: string[] = []
  for (const [id, timeline] of messages) {
    const wrong = wrongItem(id, timeline, point, rulesOf(id, truth))
    if (wrong) found.push(`message ${id}: ${wrong}`)
  }
  for (const [id, timeline] of folders) {
    const wrong = wrongFolder(id, timeline, point)
    if (wrong) found.push(`folder ${id}: ${wrong}`)
  }
  return [...found, ...strangers(point, messages)]
}

function rulesOf(id: GraphId, { served, wasUnreadable }: MailTruth): ItemRules<MessageState> {
  const sentFor = (held: Held) => served.get(mimeOf(held)?.sha256 ?? '')
  return {
    placeOf: ({ folder }) => folder,
    // Every folder has a cursor of its own.
    movesWhole: false,
    made(held, past) {
      const sent = sentFor(held)
      if (!sent) return 'its MIME is not what the service sent'
      if (sent.message !== id) return 'its MIME is that of another message'
      return past.some(({ token }) => token === sent.token)
        ? undefined
        : 'its MIME is of a later time'
    },
    differs(held, states) {
      const token = sentFor(held)?.token
      if (!states.some((state) => state.token === token)) return 'an old content'
      if (!states.some((state) => state.subject === held.display.name)) return 'an old subject'
      const isToldRead = states.some(
        ({ isRead, isTold }) => !isTold || isRead === held.display.isRead,
      )
      return isToldRead ? undefined : 'an old read state'
    },
    mayBeOpen: () => wasUnreadable(id),
  }
}

export const mimeOf = ({ representations }: Pick<Held, 'representations'>) =>
  representations.find(({ name }) => name === 'mime')
