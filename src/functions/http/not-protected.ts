/**
 * Why a resource is not protected now, and what a person can do about it: one without a mailbox
 * is not helped by a policy that asks for it already.
 */
import type { Resource } from '../../catalogue/types.ts'

const ADD = 'Add the resource to the policy (PUT /api/v1/policy), then start a run.'
const LOOK_AGAIN =
  'It is looked for again from time to time, and by the next run once the policy is set anew (PUT /api/v1/policy with the same policy).'

/** A sentence for people and a hint. */
export function notProtected({ state, reason = '' }: Resource): [text: string, hint: string] {
  const code = reason && ` (${reason})`
  switch (state) {
    case 'no-content':
      return [`It has no mailbox to back up${code}.`, LOOK_AGAIN]
    case 'unreachable':
      return [`Whether it has a mailbox is not known${code}.`, LOOK_AGAIN]
    case 'gone':
      return ['It is no longer in the directory.', 'Nothing to do, unless it comes back there.']
    default:
      return ['No policy asks for it.', ADD]
  }
}
