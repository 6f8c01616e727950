import { AppError } from '../../model/errors.ts'
import type { OwnerId } from '../../model/ids.ts'

/** What whoever would write for an erased owner is told. */
export function ownerErased(owner: OwnerId): AppError {
  return new AppError({
    code: 'OwnerErased',
    kind: 'permanent',
    message: 'This owner was erased.',
    hint: 'A resource that is to be protected again gets a new owner.',
    context: { owner },
  })
}
