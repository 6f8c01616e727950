/**
 * The value of a `durableClient` input: where the SDK finds the hub.
 *
 * The SDK uses the loopback RPC address for everything; the webhook addresses are there for
 * `createCheckStatusResponse` and carry the system key.
 */
import type { RpcTypedData } from '../worker/protocol.ts'

export interface ClientEndpoints {
  /** Origin of the public listener, e.g. `http://127.0.0.1:7071`. */
  readonly origin: string
  /** Base of the loopback RPC listener, with a slash at the end. */
  readonly rpcBaseUrl: string
  readonly hubName: string
  readonly systemKey: string
}

export const webhookPath = '/runtime/webhooks/durabletask'

export function clientBindingValue(endpoints: ClientEndpoints): RpcTypedData {
  const { origin, rpcBaseUrl, hubName, systemKey } = endpoints
  const base = `${origin}${webhookPath}`
  const query = `taskHub=${hubName}&connection=Storage&code=${encodeURIComponent(systemKey)}`
  const instance = `${base}/instances/INSTANCEID`
  const start = `${base}/orchestrators/{functionName}[/{instanceId}]?${query}`
  const value = {
    taskHubName: hubName,
    connectionName: 'Storage',
    creationUrls: {
      createNewInstancePostUri: start,
      createAndWaitOnNewInstancePostUri: `${start}&${waitQuery}`,
    },
    managementUrls: { id: 'INSTANCEID', ...managementUrls(instance, query) },
    baseUrl: base,
    requiredQueryStringParameters: `code=${encodeURIComponent(systemKey)}`,
    rpcBaseUrl,
  }
  return { string: JSON.stringify(value) }
}

const waitQuery = 'timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}'

export interface ManagementUrls {
  readonly statusQueryGetUri: string
  readonly sendEventPostUri: string
  readonly terminatePostUri: string
  readonly rewindPostUri: string
  readonly purgeHistoryDeleteUri: string
  readonly restartPostUri: string
  readonly suspendPostUri: string
  readonly resumePostUri: string
}

/** The links of one instance; `instance` is its address without a query. */
export function managementUrls(instance: string, query: string): ManagementUrls {
  return {
    statusQueryGetUri: `${instance}?${query}`,
    sendEventPostUri: `${instance}/raiseEvent/{eventName}?${query}`,
    terminatePostUri: `${instance}/terminate?reason={text}&${query}`,
    rewindPostUri: `${instance}/rewind?reason={text}&${query}`,
    purgeHistoryDeleteUri: `${instance}?${query}`,
    restartPostUri: `${instance}/restart?${query}`,
    suspendPostUri: `${instance}/suspend?reason={text}&${query}`,
    resumePostUri: `${instance}/resume?reason={text}&${query}`,
  }
}
