/**
 * The sites of the tenant as discovery sees them: site collections with the sites below them, and
 * OneDrives, which are sites as well. A site's content is its libraries.
 *
 * Read as a whole it is the list of all collections, then the sites below each, then the first
 * reading of the changes, which gives the link for later ones and tells what came meanwhile.
 */
import type { Site, Sites } from '../graph/index.ts'
import { AppError } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import type { ContentAnswer, Found, ResourceSource, SourcePage } from './sources.ts'

/** SharePoint allows few levels; a tree that goes deeper goes in circles. */
const DEPTH_MAX = 10

type Reading = 'all' | 'changes'

export function siteSource(
  sites: Pick<Sites, 'all' | 'changes' | 'subsites' | 'look'>,
): ResourceSource {
  return {
    kind: 'site',
    async page(text, signal) {
      const { of, link } = readingOf(text)
      return of === 'all'
        ? await wholePage(sites, link, signal)
        : await changesPage(sites, link, signal)
    },
    async exists(site, signal) {
      return (await sites.look(site, signal)).state !== 'deleted'
    },
    content: (site, signal) => contentOf(sites, site, signal),
  }
}

async function wholePage(
  sites: Pick<Sites, 'all' | 'subsites'>,
  link: string | null,
  signal: AbortSignal,
): Promise<SourcePage> {
  const page = await sites.all(link, signal)
  const found: Found[] = []
  for (const site of page.sites) {
    found.push(foundOf(site))
    if (site.isPersonal !== true) found.push(...(await below(sites, site, 1, signal)))
  }
  const next = page.next === undefined ? textOf('changes', null) : textOf('all', page.next)
  return { found, removed: [], next }
}

async function changesPage(
  sites: Pick<Sites, 'changes'>,
  link: string | null,
  signal: AbortSignal,
): Promise<SourcePage> {
  const page = await sites.changes(link, signal)
  return {
    found: page.sites.map(foundOf),
    // A library that came or went is a change of its site, and of nothing else.
    isNews: true,
    removed: page.removed.map(({ id }) => id as GraphId),
    ...(page.next !== undefined && { next: textOf('changes', page.next) }),
    ...(page.delta !== undefined && { delta: textOf('changes', page.delta) }),
  }
}

/** What cannot be looked into now (locked, archived) shows what is below it when it is open again. */
async function below(
  sites: Pick<Sites, 'subsites'>,
  site: Site,
  depth: number,
  signal: AbortSignal,
): Promise<Found[]> {
  if (site.state === 'archived' || depth > DEPTH_MAX) return []
  const found: Found[] = []
  for (const child of await subsitesOf(sites, site.id, signal)) {
    found.push(foundOf(child), ...(await below(sites, child, depth + 1, signal)))
  }
  return found
}

async function subsitesOf(
  sites: Pick<Sites, 'subsites'>,
  site: string,
  signal: AbortSignal,
): Promise<Site[]> {
  try {
    return await sites.subsites(site, signal)
  } catch (error) {
    if (error instanceof AppError && CLOSED.has(error.code)) return []
    throw error
  }
}

const CLOSED: ReadonlySet<string> = new Set(['ResourceLocked', 'ItemGone', 'AccessDenied'])

function foundOf({ id, name, webUrl }: Site): Found {
  return { id: id as GraphId, name, address: webUrl }
}

async function contentOf(
  sites: Pick<Sites, 'look'>,
  site: GraphId,
  signal: AbortSignal,
): Promise<ContentAnswer> {
  try {
    const { state, owner, group } = await sites.look(site, signal)
    switch (state) {
      case 'live':
        if (owner) return { state: 'ready', purpose: 'personal', belongsTo: owner as GraphId }
        return group
          ? { state: 'ready', purpose: 'group', group: { ...group, id: group.id as GraphId } }
          : { state: 'ready', purpose: 'site' }
      case 'archived':
        return { state: 'unreachable', reason: 'SiteArchived' }
      case 'locked':
        return { state: 'unreachable', reason: 'SiteLocked' }
      case 'deleted':
        return { state: 'none', reason: 'SiteDeleted' }
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.code === 'ContentNotAvailable') return { state: 'none', reason: reasonOf(error) }
    if (error.kind === 'denied') return { state: 'unreachable', reason: error.code }
    throw error
  }
}

function reasonOf({ code, context }: AppError): string {
  const { graphCode } = context
  return typeof graphCode === 'string' && graphCode !== '' ? graphCode : code
}

function textOf(of: Reading, link: string | null): string {
  return `${of} ${link ?? ''}`
}

/** What was not written by this file is read anew. */
function readingOf(text: string | null): { of: Reading; link: string | null } {
  const [of = '', ...rest] = text?.split(' ') ?? []
  const link = rest.join(' ') || null
  return of === 'changes' || of === 'all' ? { of, link } : { of: 'all', link: null }
}
