/**
 * Tokens from the managed identity of the function app, or of a person at a command line.
 *
 * `@azure/identity` caches and renews; this adapter adds the deadline and our error. Each role has
 * an identity of its own, named by its client id (DESIGN 9).
 */
import {
  DefaultAzureCredential,
  ManagedIdentityCredential,
  type TokenCredential,
} from '@azure/identity'
import { AppError } from '../model/errors.ts'
import type { TokenSource } from '../ports.ts'

export function managedIdentity(clientId: string | undefined): TokenCredential {
  return clientId === undefined
    ? new ManagedIdentityCredential()
    : new ManagedIdentityCredential({ clientId })
}

/** Whoever is signed in where a command runs: az login, environment variables, an identity. */
export function personCredential(): TokenCredential {
  return new DefaultAzureCredential()
}

/** Throws `SignInFailed`. */
export function tokenSource(credential: TokenCredential): TokenSource {
  return {
    async token(scope, signal) {
      try {
        const token = await credential.getToken(scope, { abortSignal: signal })
        if (token) return { token: token.token, expiresAt: token.expiresOnTimestamp }
      } catch (cause) {
        throw signInFailed(scope, cause)
      }
      throw signInFailed(scope)
    },
  }
}

function signInFailed(scope: string, cause?: unknown): AppError {
  return new AppError({
    code: 'SignInFailed',
    kind: 'transient',
    message: 'The managed identity gave no token.',
    hint: 'Check that the identity is assigned to this app and that its client id is right.',
    context: { audience: new URL(scope).host },
    ...(cause !== undefined && { cause }),
  })
}
