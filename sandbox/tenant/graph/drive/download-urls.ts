/**
 * Pre-authenticated download URLs: what `/content` redirects to, and what items carry as
 * `@microsoft.graph.downloadUrl` (facts/graph.md 3.7, and 7 nos. 14, 15).
 *
 * Invariants: a URL is good for one file, or one version of it, until it expires; its query is
 * good in the very order and encoding in which it was given; it names the file and not its
 * bytes, so that whoever comes late is given what is there then.
 */
import type { DriveItem, Site } from '../../drive-model.ts'
import type { TenantState } from '../../state/tenant-state.ts'
import { openToken, sealToken } from '../cursor.ts'
import type { GraphRequest } from '../request.ts'

const PAGE = '/_layouts/15/download.aspx'

/** What a URL carries inside. */
export interface DownloadTicket {
  readonly item: number
  /** Number of an earlier version; missing: the current one. */
  readonly version?: number
  /** Whoever asked for it: it is the budget of this app that downloads spend. */
  readonly app: string
  readonly expiresMs: number
  readonly epoch: number
  /** Infected files are given too. */
  readonly infected?: true
}

export interface Download {
  readonly site: Site
  readonly item: DriveItem
  readonly version?: number
  readonly infected?: true
}

function pathOf(site: Site): string {
  return `${encodeURI(site.path)}${PAGE}`
}

function queryOf(item: DriveItem, ticket: string): string {
  return `UniqueId=${item.guid}&Translate=false&tempauth=v1.${ticket}&ApiVersion=2.0`
}

export function downloadUrl(request: GraphRequest, download: Download): string {
  const { state, appId, root } = request
  const { site, item, version, infected } = download
  const ticket: DownloadTicket = {
    item: item.pk,
    ...(version === undefined ? {} : { version }),
    app: appId,
    expiresMs: state.preciseNowMs() + state.settings.downloadUrlMs,
    epoch: state.downloadEpoch(),
    ...(infected ? { infected } : {}),
  }
  const { origin } = new URL(root)
  return `${origin}${pathOf(site)}?${queryOf(item, sealToken(state, ticket))}`
}

export function isDownloadPath(rawPath: string): boolean {
  return rawPath.endsWith(PAGE)
}

/** What a URL was given for; null: it is expired, changed or none of ours. */
export function readDownloadUrl(
  state: TenantState,
  { rawPath, rawQuery }: { readonly rawPath: string; readonly rawQuery: string },
): { readonly ticket: DownloadTicket; readonly item: DriveItem; readonly site: Site } | null {
  const sealed = /(?:^|&)tempauth=v1\.([\w-]+)(?:&|$)/.exec(rawQuery)?.[1]
  const ticket = sealed === undefined ? null : openToken<DownloadTicket>(state, sealed)
  if (!ticket || sealed === undefined) return null
  const item = state.items.byPk(ticket.item)
  const site = state.sites.byPk(state.sites.drive(item.drive).site)
  const isExpired =
    ticket.expiresMs <= state.preciseNowMs() || ticket.epoch !== state.downloadEpoch()
  const isAsGiven = rawPath === pathOf(site) && rawQuery === queryOf(item, sealed)
  return isAsGiven && !isExpired ? { ticket, item, site } : null
}
