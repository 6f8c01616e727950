/** The list of instances: filter by status, search, pages. Pure. */
import { type RuntimeStatus, runtimeStatuses } from '../durable/history.ts'
import { type Html, html } from './html.ts'
import type { ListedInstance, ListFilter } from './instance-queries.ts'
import { durationText, sizeText } from './words.ts'

export const rowsPerPage = 50
/** From here on every step of an instance costs noticeably: its whole history is replayed. */
const eventsMany = 1000
const bytesMany = 1_000_000

export interface InstancesPage {
  readonly filter: ListFilter
  readonly live: boolean
  readonly counts: ReadonlyMap<RuntimeStatus, number>
  /** One more than a page when there are more. */
  readonly rows: readonly ListedInstance[]
  readonly nowMs: number
}

export function readFilter(query: URLSearchParams): ListFilter {
  const skip = Number(query.get('skip') ?? 0)
  return {
    status: runtimeStatuses.find((status) => status === query.get('status')),
    search: query.get('search')?.trim() ?? '',
    skip: Number.isSafeInteger(skip) && skip > 0 ? skip : 0,
  }
}

export function instancesPage(page: InstancesPage): Html {
  const { filter, counts, rows, nowMs } = page
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const tabs = [...counts].map(([status, count]) => tab(page, { status, count }))
  const shown = rows.slice(0, rowsPerPage)
  return html`
<nav class="bar" aria-label="Status">
${tab(page, { status: undefined, count: all })}
${tabs}
<a class="tab" href="${address(page, { live: !page.live })}">${page.live ? '● Live' : '○ Live'}</a>
<form method="get" role="search">
${filter.status === undefined ? undefined : html`<input type="hidden" name="status" value="${filter.status}">`}
<input type="search" name="search" value="${filter.search}" placeholder="Id or function" aria-label="Id or function">
<button>Search</button>
</form>
</nav>
<div class="card">${shown.length === 0 ? nothing(all) : table(shown, nowMs)}</div>
<nav class="pager" aria-label="Pages">${pager(page)}</nav>`
}

function tab(
  page: InstancesPage,
  { status, count }: { status: RuntimeStatus | undefined; count: number },
): Html {
  const current = page.filter.status === status ? html` aria-current="page"` : undefined
  const href = address(page, { status, skip: 0 })
  return html`<a class="tab" href="${href}"${current}>${status ?? 'All'}<b>${count}</b></a>`
}

function table(rows: readonly ListedInstance[], nowMs: number): Html {
  const lines = rows.map(
    (row) => html`<tr>
<td><a class="mono" href="${instanceAddress(row.id)}">${row.id}</a></td>
<td>${row.name}</td>
<td><span class="status ${row.status}">${row.status}</span></td>
<td class="number${row.events >= eventsMany ? ' much' : ''}">${row.events}</td>
<td class="number${row.historyBytes >= bytesMany ? ' much' : ''}">${sizeText(row.historyBytes)}</td>
<td class="time">${ago(row.createdMs, nowMs)}</td>
<td class="time">${ago(row.updatedMs, nowMs)}</td>
</tr>`,
  )
  return html`<table>
<thead><tr><th>Instance</th><th>Function</th><th>Status</th><th class="number">Events</th>
<th class="number">History</th><th>Started</th><th>Changed</th></tr></thead>
<tbody>${lines}</tbody>
</table>`
}

function nothing(all: number): Html {
  const text = all === 0 ? 'No orchestration was started yet.' : 'No instance matches.'
  return html`<p class="empty">${text}</p>`
}

function pager(page: InstancesPage): Html {
  const { skip } = page.filter
  const newer = address(page, { skip: Math.max(0, skip - rowsPerPage) })
  const older = address(page, { skip: skip + rowsPerPage })
  const hasOlder = page.rows.length > rowsPerPage
  return html`${skip > 0 ? html`<a href="${newer}" rel="prev">← Newer</a>` : html`<span></span>`}
${hasOlder ? html`<a href="${older}" rel="next">Older →</a>` : undefined}`
}

/** The same list with other choices. */
function address(page: InstancesPage, change: Partial<ListFilter> & { live?: boolean }): string {
  const { status, search, skip, live } = { ...page.filter, live: page.live, ...change }
  const query = new URLSearchParams()
  if (status !== undefined) query.set('status', status)
  if (search !== '') query.set('search', search)
  if (skip > 0) query.set('skip', String(skip))
  if (live) query.set('live', '1')
  const text = query.toString()
  return text === '' ? '/admin/durable' : `/admin/durable?${text}`
}

export function instanceAddress(id: string): string {
  return `/admin/durable/${encodeURIComponent(id)}`
}

export function ago(timeMs: number, nowMs: number): Html {
  const iso = new Date(timeMs).toISOString()
  return html`<time datetime="${iso}" title="${iso}">${durationText(Math.max(0, nowMs - timeMs))} ago</time>`
}
