/** Control operations on people of the directory. */
import { z } from 'zod'
import { stableGuid } from '../ids.ts'
import type { User } from '../model.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { ControlError, operation } from './operation.ts'
import { snapshotMailbox } from './snapshot.ts'

const UserRef = z.strictObject({ user: z.string() })

export function userNamed(state: TenantState, name: string): User {
  const user = state.users.find(name)
  if (!user) throw new ControlError(`there is no user ${name}`)
  return user
}

function peopleOperations(state: TenantState) {
  return {
    users: operation(z.strictObject({}), () => ({
      users: state.users.all().map(({ id, profile, mailbox }) => ({ id, profile, mailbox })),
    })),
    /** With `mailbox: null` a person without a mailbox. */
    createUser: operation(
      z.strictObject({
        displayName: z.string(),
        userPrincipalName: z.string(),
        mailbox: z
          .strictObject({
            purpose: z.enum(['user', 'shared', 'room', 'equipment']),
            locale: z.string(),
          })
          .nullable(),
      }),
      ({ displayName, userPrincipalName, mailbox }) => {
        const profile = {
          displayName,
          givenName: null,
          surname: null,
          userPrincipalName,
          mail: mailbox ? userPrincipalName : null,
          accountEnabled: mailbox?.purpose === 'user',
          userType: 'Member',
          jobTitle: null,
          department: null,
          officeLocation: null,
          preferredLanguage: null,
          createdDateTime: new Date(state.nowMs()).toISOString(),
        } as const
        const guid = stableGuid('mailbox', userPrincipalName.toLowerCase())
        const user = state.createUser(
          profile,
          mailbox ? { guid, timeZone: 'UTC', ...mailbox } : null,
        )
        return { id: user.id }
      },
    ),
    updateUser: operation(
      z.strictObject({
        user: z.string(),
        displayName: z.string().optional(),
        accountEnabled: z.boolean().optional(),
      }),
      ({ user: name, displayName, accountEnabled }) =>
        state.db.transaction(() => {
          const user = userNamed(state, name)
          state.users.update(user, {
            ...user.profile,
            ...(displayName === undefined ? {} : { displayName }),
            ...(accountEnabled === undefined ? {} : { accountEnabled }),
          })
          return {}
        }),
    ),
    deleteUser: operation(UserRef, ({ user }) =>
      state.db.transaction(() => {
        state.users.remove(userNamed(state, user))
        return {}
      }),
    ),
  }
}

function truthOperations(state: TenantState) {
  return {
    /** Makes the delta links of the mailbox, or of the directory (null), useless. */
    expireDelta: operation(z.strictObject({ user: z.string().nullable() }), ({ user }) => {
      state.expireDelta(user === null ? null : userNamed(state, user))
      return {}
    }),
    snapshot: operation(UserRef, ({ user }) => snapshotMailbox(state, userNamed(state, user))),
    /** `message`: the immutable id. Works for deleted messages too. */
    mimeLog: operation(z.strictObject({ message: z.string() }), ({ message }) => ({
      answers: state.mimeLog.read(message),
    })),
  }
}

export function userOperations(state: TenantState) {
  return { ...peopleOperations(state), ...truthOperations(state) }
}
