/**
 * Failure texts as the real host and the Durable extension build them, credential filter included.
 *
 * Apps show and store these texts, and the SDK parses some of them, so the wording counts. The
 * JSON of `Details` has the members of a serialised .NET exception; its stack traces are ours.
 */
import { InvocationFailedError } from '../errors.ts'

const credentialMarks = [
  'Token=',
  'DefaultEndpointsProtocol=http',
  'AccountKey=',
  'Data Source=',
  'Server=',
  'Password=',
  'pwd=',
  '&amp;sig=',
  '&sig=',
  '?sig=',
  'SharedAccessKey=',
  '&amp;code=',
  '&code=',
  '?code=',
  'key=',
] as const
const hiddenCredential = '[Hidden Credential]'
const urlCredentials = /\b([a-zA-Z]+):\/\/([^:/\s]+):([^@/\s]+)@([^:/\s]+):([0-9]+)\b/g

/**
 * The host's credential filter: from each mark to the next `<`, `"` or `'`, or to the end of the
 * text, across lines and whatever the text means ("monkey=" is hit too).
 */
export function sanitise(text: string): string {
  let result = text
  for (const mark of credentialMarks) {
    result = hideAfter(result, mark.toLowerCase())
  }
  return result.replace(urlCredentials, hiddenCredential)
}

function hideAfter(text: string, mark: string): string {
  let result = text
  let from = 0
  // Ends: each round replaces one mark and goes on behind the replacement.
  for (;;) {
    const start = result.toLowerCase().indexOf(mark, from)
    if (start < 0) return result
    const rest = result.slice(start)
    const length = rest.search(/[<"']/)
    const end = length < 0 ? result.length : start + length
    result = result.slice(0, start) + hiddenCredential + result.slice(end)
    from = start + hiddenCredential.length
  }
}

/** For a function that was registered once and is not there any more, or never was. */
export function missingFunction(
  name: string,
  kind: 'an activity' | 'an orchestrator' | 'an entity',
): string {
  return `The function '${name}' doesn't exist, is disabled, or is not ${kind} function.`
}

/** The Reason of a TaskFailed. Two spaces for a handler's own error: the host cuts it so. */
export function activityReason(functionName: string, error: Error): string {
  const message =
    error instanceof InvocationFailedError ? ` ${sanitise(error.message)}` : error.message
  return `Activity function '${functionName}' failed: ${message}`
}

/** The Details of a TaskFailed: the exception as JSON text. */
export function activityDetails(error: Error): string {
  const remote = error instanceof InvocationFailedError
  return JSON.stringify({
    $type: 'System.Exception, System.Private.CoreLib',
    ClassName: 'System.Exception',
    Message: remote ? ` ${sanitise(error.message)}` : error.message,
    Data: null,
    InnerException: null,
    HelpURL: null,
    StackTraceString: remote ? sanitise(error.remoteStack) : null,
    RemoteStackTraceString: null,
    RemoteStackIndex: 0,
    HResult: -2146233088,
    Source: null,
    WatsonBuckets: null,
  })
}

export function orchestratorReason(functionName: string, message: string): string {
  return `Orchestrator function '${functionName}' failed: ${message}`
}

/** The Details of a child's failure: plain text, unlike those of an activity. */
export function orchestratorDetails(message: string, stack: string): string {
  return `Message: ${message}, StackTrace: ${sanitise(stack)}`
}
