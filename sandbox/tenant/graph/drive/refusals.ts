/** Refusals in the words of SharePoint and OneDrive, which are not Outlook's (facts/graph.md 2.1). */
import { GraphError } from '../errors.ts'

export const notFound = (message = 'The resource could not be found.') =>
  new GraphError(404, 'itemNotFound', message)

export const invalidRequest = (message: string) => new GraphError(400, 'invalidRequest', message)

export const nameExists = () =>
  new GraphError(409, 'nameAlreadyExists', 'The specified item name already exists.')

/** A site that is locked or archived lets nobody in. */
export const siteLocked = (message: string) =>
  new GraphError(423, 'notAllowed', message, {}, 'resourceLocked')

export const malwareDetected = () =>
  new GraphError(403, 'malwareDetected', 'Malware was detected in the requested file.')

export const noSharePoint = () =>
  new GraphError(400, 'BadRequest', 'Tenant does not have a SPO license.')

export const noMysite = () => new GraphError(404, 'ResourceNotFound', "User's mysite not found.")

export const generalException = () =>
  new GraphError(500, 'generalException', 'General exception while processing')

export const unknownProperty = (name: string, type: string) =>
  invalidRequest(`Parsing OData Select failed: no property '${name}' on 'microsoft.graph.${type}'.`)
