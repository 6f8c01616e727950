/**
 * Asks for the names of attachments with each page of messages, until the service refuses.
 *
 * Exchange answers some expanded delta calls with 400 or 500 (7.24), also in the middle of a walk
 * whose first pages were fine. Links carry their query, so the walk cannot go on without it: the
 * folder is read from the beginning, plainly, and content.ts asks for the lists one by one. Links
 * of plain walks are marked, so that later slices and rounds know them. Being read again, items
 * are recognised; those with attachments are fetched once more, because their markers lack them.
 */
import type { DeltaPage } from '../../graph/index.ts'
import { AppError } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'

const PLAIN_MARK = 'plain '

export type Fields = 'expanded' | 'plain'

/** Reads one page; the fields count for the first page only. */
export type AskPage = (link: string | null, fields: Fields) => Promise<DeltaPage>

export interface ExpandFallback {
  /**
   * One page of a folder; `link` as an earlier page gave it. Throws what `ask` throws, and
   * `ResyncNeeded` where the folder must be begun anew; null then brings a plain walk.
   */
  page(folder: GraphId, link: string | null, ask: AskPage): Promise<DeltaPage>
}

/** Remembers, for one slice, the folders that are to be read plainly. */
export function createExpandFallback(): ExpandFallback {
  const refused = new Set<GraphId>()

  async function first(folder: GraphId, ask: AskPage): Promise<DeltaPage> {
    if (refused.has(folder)) return marked(await ask(null, 'plain'))
    try {
      return await ask(null, 'expanded')
    } catch (error) {
      if (!isAboutTheQuery(error)) throw error
      refused.add(folder)
      return marked(await ask(null, 'plain'))
    }
  }

  async function later(folder: GraphId, link: string, ask: AskPage): Promise<DeltaPage> {
    if (refused.has(folder)) throw walkLost()
    try {
      return await ask(link, 'expanded')
    } catch (error) {
      if (!isAboutTheQuery(error)) throw error
      // A service in trouble fails here as well, and with that error the walk keeps its place.
      await ask(null, 'plain')
      refused.add(folder)
      throw walkLost()
    }
  }

  return {
    async page(folder, link, ask) {
      if (link === null) return await first(folder, ask)
      if (!link.startsWith(PLAIN_MARK)) return await later(folder, link, ask)
      return marked(await ask(link.slice(PLAIN_MARK.length), 'plain'))
    },
  }
}

function marked(page: DeltaPage): DeltaPage {
  const { next, delta } = page
  return {
    ...page,
    ...(next === undefined ? {} : { next: `${PLAIN_MARK}${next}` }),
    ...(delta === undefined ? {} : { delta: `${PLAIN_MARK}${delta}` }),
  }
}

/** Refused, or too much for the service even for one message (7.24). */
export function isAboutTheQuery(error: unknown): boolean {
  if (!(error instanceof AppError)) return false
  // An attachment that cannot be opened spoils the page that names it.
  const codes = ['RequestNotUnderstood', 'UnreadableAnswer', 'ItemCorrupt']
  if (codes.includes(error.code)) return true
  const { status } = error.context
  return error.code === 'GraphUnavailable' && status === 500
}

function walkLost(): AppError {
  return new AppError({
    code: 'ResyncNeeded',
    kind: 'transient',
    message: 'Microsoft Graph no longer answers with the names of attachments for this folder.',
    hint: 'Nothing to do: Holdfast reads the folder anew and asks for the names by themselves.',
  })
}
