/**
 * Walks pages by their links, and notices walks that do not end.
 *
 * Graph has been seen to repeat links and to send empty pages for ever (7.9). A walk that shows
 * it stops with `EndlessPages`: the caller's cursor stays where it is, and a person sees it.
 */
import { AppError } from '../model/errors.ts'
import { type JsonObject, objectsOf, textOf, unreadableAnswer } from './json.ts'

/** Pages in a row that bring nothing. */
export const EMPTY_PAGES_MAX = 500
/** Pages of one walk. */
export const PAGES_MAX = 100_000

export interface Page {
  items: JsonObject[]
  next?: string
  delta?: string
}

/** Throws `UnreadableAnswer` where `value` is missing: such an answer was cut off. */
export function pageOf(answer: JsonObject, call: string): Page {
  const { value } = answer
  if (!Array.isArray(value)) throw unreadableAnswer(call, 'it has no list of values')
  const next = textOf(answer, '@odata.nextLink')
  const delta = textOf(answer, '@odata.deltaLink')
  return {
    items: objectsOf(answer, 'value'),
    ...(next === undefined ? {} : { next }),
    ...(delta === undefined ? {} : { delta }),
  }
}

/** Either link of a page of changes; exactly one is there. */
export type DeltaLinks = Pick<Page, 'next' | 'delta'>

/**
 * The entries of a page of changes in either dialect. Of an id that occurs more than once only the
 * last occurrence counts. Throws `UnreadableAnswer` for a page without a link or an id.
 */
export function changesOf(
  { items, next, delta }: Page,
  call: string,
): { latest: ReadonlyMap<string, JsonObject>; links: DeltaLinks } {
  if ((next === undefined) === (delta === undefined)) {
    throw unreadableAnswer(call, 'it does not have exactly one link')
  }
  const latest = new Map<string, JsonObject>()
  for (const item of items) {
    const id = textOf(item, 'id')
    if (id === undefined) throw unreadableAnswer(call, 'an item has no id')
    latest.set(id, item)
  }
  const links = {
    ...(next === undefined ? {} : { next }),
    ...(delta === undefined ? {} : { delta }),
  }
  return { latest, links }
}

/**
 * Watches one walk. Reading an earlier page again (after a lost race, or with a smaller page) is
 * no repetition: the walk then goes on from there.
 */
export class WalkGuard {
  readonly #call: string
  #links: string[] = []
  #empty = 0

  constructor(call: string) {
    this.#call = call
  }

  /** Throws `EndlessPages`. `link` is what was read (null: the first page). */
  check(link: string | null, page: Page): void {
    const at = link === null ? -1 : this.#links.indexOf(link)
    this.#links = at === -1 && link !== null ? [link] : this.#links.slice(0, at + 1)
    this.#empty = page.items.length === 0 && page.next !== undefined ? this.#empty + 1 : 0
    if (page.next === undefined) return
    if (this.#links.includes(page.next)) throw this.#endless('repeats a link')
    if (this.#empty >= EMPTY_PAGES_MAX) throw this.#endless('sends only empty pages')
    if (this.#links.length >= PAGES_MAX) throw this.#endless('has too many pages')
    this.#links.push(page.next)
  }

  #endless(problem: string): AppError {
    return new AppError({
      code: 'EndlessPages',
      kind: 'transient',
      message: `Microsoft Graph ${problem} in ${this.#call}, so the list would never end.`,
      hint: 'Holdfast tries again later; if it persists, report it to Microsoft.',
      context: { call: this.#call, pages: this.#links.length },
    })
  }
}

/** All items of a paged list, page by page; for lists without delta. */
export async function* walkPages(
  call: string,
  read: (link: string | null) => Promise<JsonObject>,
): AsyncGenerator<JsonObject[]> {
  const guard = new WalkGuard(call)
  let link: string | null = null
  // Bounded by the guard.
  for (;;) {
    const page = pageOf(await read(link), call)
    guard.check(link, page)
    yield page.items
    if (page.next === undefined) return
    link = page.next
  }
}
