/**
 * The rule of 31 December 2026 (facts/graph.md 1.4): content of a message that is no draft is
 * changed only with a permission of its own. Off unless the tenant's settings turn it on.
 */
import type { Message } from '../model.ts'
import { accessDenied } from './errors.ts'
import type { GraphRequest } from './request.ts'

const ADVANCED_PERMISSION = 'Mail-Advanced.ReadWrite.All'

/** Refuses a change of content of a received or sent message where the new rule is on. */
export function checkAdvanced(request: GraphRequest, message: Message): void {
  if (message.isDraft || !request.state.settings.mailAdvanced) return
  if (request.permissions.has(ADVANCED_PERMISSION)) return
  throw accessDenied('Access to OData is disabled: sensitive properties of a non-draft message.')
}
