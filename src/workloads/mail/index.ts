/**
 * Mail: the messages of a mailbox, folder by folder, as JSON and MIME; and their way back.
 *
 * Not here: the in-place archive (a mailbox of its own), calendars, contacts, folder rules.
 */
import { type Graph, MAILBOX_CONCURRENCY, mailboxOf } from '../../graph/index.ts'
import { CONTAINERS } from '../../model/events.ts'
import type { RestorableWorkload, RestorePace, StreamReader, Workload } from '../workload.ts'
import { createChangeReader } from './changes.ts'
import { createContentReader } from './content.ts'
import { MAIL_ROOT } from './folders.ts'
import { foldersChangedSince } from './hint.ts'
import { createItemReader } from './item.ts'
import { compareMarkers } from './markers.ts'
import { createMailWriter } from './restore.ts'

/**
 * One create and one read-back; four at once for a mailbox (facts 2.2), about one second each; and
 * Exchange takes 150 MB of uploads in five minutes for one mailbox and app.
 */
const MAIL_PACE: RestorePace = {
  requestsPerItem: 2,
  requestsPerMinute: 240,
  uploadBytesPerMinute: 30_000_000,
}

export interface MailOptions {
  graph: Graph
  /** Messages asked for in one page of changes; at most 1,000. */
  pageSize: number
}

export function mailWorkload(options: MailOptions): Workload & RestorableWorkload {
  const { graph, pageSize } = options
  return {
    name: 'mail',
    compare: compareMarkers,
    conflicts: {
      policies: ['skip', 'copy'],
      others: 'Mail has no versions, and a message that is there is never replaced.',
    },
    pace: MAIL_PACE,
    rootName: MAIL_ROOT,
    reader(owner): StreamReader {
      const mailbox = mailboxOf(graph, owner.graphId)
      const changes = createChangeReader(mailbox, pageSize)
      const content = createContentReader(mailbox)
      const items = createItemReader(mailbox)
      return {
        changes: changes.page,
        changedSince: async (links, signal) => {
          const link = links.get(CONTAINERS)
          return link === undefined || (await foldersChangedSince(mailbox, link, signal))
        },
        content: content.fetch,
        item: items.read,
        concurrency: MAILBOX_CONCURRENCY,
        requests: mailbox.requests,
      }
    },
    writer: (owner) => createMailWriter(mailboxOf(graph, owner.graphId)),
  }
}
