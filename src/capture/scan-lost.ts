import { AppError } from '../model/errors.ts'

/** The rows of a scan cannot be relied on: the container must be read from its beginning again. */
export function scanLost(): AppError {
  return new AppError({
    code: 'ScanLost',
    kind: 'transient',
    message: 'The rows of a full comparison are not whole.',
    hint: 'Nothing to do: Holdfast reads the container again.',
  })
}
