/** One instance: what it is, what it waits for, what the log says of it, its history. Pure. */
import { eventTypes, type HistoryEvent, isOpen } from '../durable/history.ts'
import type { Instance } from '../durable/store.ts'
import { type Html, html } from './html.ts'
import type { Pending } from './instance-queries.ts'
import { ago, instanceAddress } from './instances-page.ts'
import { durationText, sizeText, valueText } from './words.ts'

const factLengthMax = 2000
const eventLengthMax = 200
const eventsShownMax = 1000

export interface InstancePage {
  readonly instance: Instance
  /** Stored texts, oldest first. */
  readonly history: readonly string[]
  readonly pending: Pending
  /** Lines of the log that name the instance, oldest first. */
  readonly notes: readonly string[]
  readonly nowMs: number
}

export function instancePage(page: InstancePage): Html {
  const { instance, history, nowMs } = page
  const bytes = history.reduce((sum, text) => sum + text.length, 0)
  const parent = instance.parent?.OrchestrationInstance.InstanceId
  const fact = (name: string, value: Html | undefined): Html | undefined =>
    value && html`<dt>${name}</dt><dd>${value}</dd>`
  return html`
<div class="bar"><h1 class="mono">${instance.id}</h1>
<span class="status ${instance.status}">${instance.status}</span>
${isOpen(instance.status) ? terminateForm(instance.id) : undefined}</div>
${page.notes.map((note) => html`<p class="note">${note}</p>`)}
<dl class="card facts">
${fact('Function', html`${instance.name}${instance.version === null ? undefined : html` <span class="soft">version ${instance.version}</span>`}`)}
${fact('Parent', parent === undefined ? undefined : link(parent))}
${fact('Started', ago(instance.createdMs, nowMs))}
${fact('Changed', ago(instance.updatedMs, nowMs))}
${fact('History', html`${history.length} events, ${sizeText(bytes)}`)}
${isOpen(instance.status) ? fact('Under way', html`${underWay(page.pending, nowMs)}`) : undefined}
${fact('Input', value(instance.input, factLengthMax))}
${fact('Custom status', value(instance.customStatus, factLengthMax))}
${fact('Output', value(instance.output, factLengthMax))}
</dl>
<h2>History</h2>
<div class="card">${historyTable(history)}</div>
<p class="pager"></p>`
}

/** Posted from this page alone; the host refuses other origins. */
function terminateForm(id: string): Html {
  return html`<form method="post" action="${instanceAddress(id)}/terminate">
<input name="reason" placeholder="Reason" aria-label="Reason" maxlength="200">
<button class="danger">Terminate</button></form>`
}

function underWay(pending: Pending, nowMs: number): string {
  const { messages, activities, timersDueMs } = pending
  const [dueMs] = timersDueMs
  const parts = [
    ...(activities.length > 0 ? [`activities ${activities.join(', ')}`] : []),
    ...(dueMs === undefined ? [] : [`a timer in ${durationText(Math.max(0, dueMs - nowMs))}`]),
    ...(messages > 0 ? [`${messages} messages`] : []),
  ]
  return parts.length > 0
    ? parts.join('; ')
    : 'nothing: only an event, a child or its termination can wake it'
}

function value(json: string | null, lengthMax: number): Html | undefined {
  const text = valueText(json, lengthMax)
  return text === null ? undefined : html`<pre>${text}</pre>`
}

function link(id: string): Html {
  return html`<a class="mono" href="${instanceAddress(id)}">${id}</a>`
}

function historyTable(history: readonly string[]): Html {
  if (history.length === 0) return html`<p class="empty">No episode has run yet.</p>`
  const left = history.length - eventsShownMax
  const rows = history.slice(-eventsShownMax).map((text, index) => {
    const event = JSON.parse(text) as HistoryEvent
    return html`<tr><td class="number">${Math.max(0, left) + index + 1}</td>
<td class="time">${event.Timestamp.slice(11, 23)}</td><td>${kindOf(event)}</td>
<td class="number">${taskOf(event)}</td><td>${detailOf(event)}</td></tr>`
  })
  return html`<table>
<thead><tr><th class="number">#</th><th>Time (UTC)</th><th>Event</th><th class="number">Task</th><th>What</th></tr></thead>
<tbody>${left > 0 ? html`<tr><td class="soft" colspan="5">${left} earlier events</td></tr>` : undefined}${rows}</tbody>
</table>`
}

const kinds: ReadonlyMap<number, string> = new Map(
  Object.entries(eventTypes).map(([name, type]) => [
    type,
    name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
  ]),
)

function kindOf({ EventType }: HistoryEvent): string {
  const text = kinds.get(EventType) ?? `event ${EventType}`
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function taskOf(event: HistoryEvent): string {
  if ('TaskScheduledId' in event) return String(event.TaskScheduledId)
  if ('TimerId' in event) return String(event.TimerId)
  return event.EventId >= 0 ? String(event.EventId) : ''
}

/** The members that say something, whatever the kind of event. */
function detailOf(event: HistoryEvent): Html {
  const members = event as unknown as Readonly<Record<string, unknown>>
  const text = (name: string): string | null => {
    const found = members[name]
    return typeof found === 'string' ? found : null
  }
  const child = event.EventType === eventTypes.subOrchestrationCreated ? event.InstanceId : null
  const parts = ['Name', 'OrchestrationStatus'].map(text).filter((part) => part !== null)
  const fireAt = text('FireAt')
  const payload = text('Result') ?? text('Reason') ?? text('Input')
  return html`${parts.join(' ')} ${child === null ? undefined : link(child)}
${fireAt === null ? undefined : html`at ${fireAt.slice(0, 23)}`}
${payload === null ? undefined : html`<span class="mono soft">${valueText(payload, eventLengthMax) ?? ''}</span>`}`
}
