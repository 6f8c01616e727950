/** Media types by the ends of names, as SharePoint tells them. */
const OFFICE = 'application/vnd.openxmlformats-officedocument'

const MIME_TYPES: Readonly<Record<string, string>> = {
  docx: `${OFFICE}.wordprocessingml.document`,
  xlsx: `${OFFICE}.spreadsheetml.sheet`,
  pptx: `${OFFICE}.presentationml.presentation`,
  pdf: 'application/pdf',
  png: 'image/png',
  jpg: 'image/jpeg',
  mp4: 'video/mp4',
  zip: 'application/x-zip-compressed',
  txt: 'text/plain',
  csv: 'text/csv',
  html: 'text/html',
  json: 'application/json',
  eml: 'message/rfc822',
  ics: 'text/calendar',
  vcf: 'text/x-vcard',
  one: 'application/msonenote',
  onetoc2: 'application/msonenote',
}

export function mimeTypeOf(name: string): string {
  const extension = name.split('.').at(-1)?.toLowerCase() ?? ''
  return MIME_TYPES[extension] ?? 'application/octet-stream'
}
