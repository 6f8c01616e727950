/**
 * From a binding's connection name to a queue client, by the naming rules of the real extension:
 * `<NAME>` or `AzureWebJobs<NAME>` is a connection string; `<NAME>__queueServiceUri` or
 * `<NAME>__accountName` means an identity.
 */
import { QueueServiceClient } from '@azure/storage-queue'
import { HostError } from '../errors.ts'

const retryOptions = { maxTries: 3 } as const

/** Throws `bad-setting` when the environment has no such connection. */
export async function queueService(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<QueueServiceClient> {
  for (const setting of [name, `AzureWebJobs${name}`]) {
    const connection = env[setting]
    if (connection) return QueueServiceClient.fromConnectionString(connection, { retryOptions })
    const account = env[`${setting}__accountName`]
    const address =
      env[`${setting}__queueServiceUri`] ??
      (account === undefined ? undefined : `https://${account}.queue.core.windows.net`)
    if (address !== undefined) {
      // Loaded only where it is used: it is by far the largest import of this host.
      const { DefaultAzureCredential } = await import('@azure/identity')
      const clientId = env[`${setting}__clientId`]
      const credential = new DefaultAzureCredential(
        clientId === undefined ? {} : { managedIdentityClientId: clientId },
      )
      return new QueueServiceClient(address, credential, { retryOptions })
    }
  }
  throw new HostError(
    'bad-setting',
    `the connection "${name}" is unset: neither ${name} nor ${name}__queueServiceUri ` +
      'is an app setting',
  )
}
