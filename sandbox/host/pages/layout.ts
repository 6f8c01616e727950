/** The frame of every page, and the headers that keep it to itself. */
import { Html, html } from './html.ts'
import { style } from './style.ts'

export interface Place {
  /** What runs: the app's folder. */
  readonly app: string
  readonly hubName: string
  readonly workerPid: number | undefined
}

/** No script may run here, nothing is loaded from elsewhere, no other site may frame or post. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; " +
    "frame-ancestors 'none'; base-uri 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
}

export function layout(page: {
  readonly title: string
  readonly place: Place
  readonly refreshSeconds: number | undefined
  readonly body: Html
}): string {
  const { place, refreshSeconds } = page
  const worker = place.workerPid === undefined ? 'no worker' : `worker ${place.workerPid}`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title}</title>
${refreshSeconds === undefined ? undefined : html`<meta http-equiv="refresh" content="${refreshSeconds}">`}
<style>${new Html(style)}</style>
</head>
<body>
<header>
<span class="brand"><a href="/admin/durable">Orchestrations</a></span>
<span class="where">${place.app}<br>hub ${place.hubName}, ${worker}</span>
</header>
<main>${page.body}</main>
</body>
</html>
`.text
}
