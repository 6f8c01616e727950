/**
 * How Graph refuses a next or delta link that is no longer good (facts/graph.md 2.4, and 7 nos.
 * 8, 10, 11): 410 with and without a `Location` to begin again at, with one that answers 500,
 * 404 where 410 was meant, and Outlook's own codes under 40x.
 */
import type { ExpiredLinkForm } from '../state/settings.ts'
import { GraphError } from './errors.ts'

const STATE_NOT_FOUND = 'The sync state generation is not found; continuationToken=Not Found.'

interface Wording {
  readonly status: number
  readonly code: string
  readonly message: string
}

const WORDINGS: Readonly<Record<ExpiredLinkForm, Wording>> = {
  gone: { status: 410, code: 'SyncStateNotFound', message: STATE_NOT_FOUND },
  'gone-location': { status: 410, code: 'ResyncRequired', message: 'Resync required.' },
  'gone-upload': { status: 410, code: 'ResyncRequired', message: 'Resync required.' },
  'gone-bad-location': { status: 410, code: 'ResyncRequired', message: 'Resync required.' },
  'not-found': {
    status: 404,
    code: 'ErrorItemNotFound',
    message: 'The specified object was not found in the store.',
  },
  'sync-folder-not-found': {
    status: 404,
    code: 'ErrorSyncFolderNotFound',
    message: 'The specified folder could not be found for this sync state.',
  },
  'sync-state-not-found': { status: 400, code: 'SyncStateNotFound', message: STATE_NOT_FOUND },
  'sync-state-invalid': {
    status: 400,
    code: 'SyncStateInvalid',
    message: 'The sync state is invalid.',
  },
}

/** The directory has its own words for a plain 410. */
const DIRECTORY_GONE: Wording = {
  status: 410,
  code: 'Directory_ExpiredPageToken',
  message:
    'The specified page token value has expired and can no longer be included in your request.',
}

/** `location`: where the enumeration can begin again, for the forms that say so. */
export function expiredLink(
  form: ExpiredLinkForm,
  where: { readonly directory: boolean; readonly location: () => string },
): GraphError {
  const wording = where.directory && form === 'gone' ? DIRECTORY_GONE : WORDINGS[form]
  const headers = form.startsWith('gone-') ? { location: where.location() } : {}
  return new GraphError(wording.status, wording.code, wording.message, headers)
}

export const badRestart = () =>
  new GraphError(500, 'generalException', 'General exception while processing.')
