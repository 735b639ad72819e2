import { Prisma } from '../storage/database.ts'
import type { AppClientSettings, AppSettings } from './apps.ts'
import type { Client } from './client.ts'

/** From the domain's words to the table's. What isn't there stays as it is. */
export const clientColumns = <Settings extends Partial<AppClientSettings>>({ scopes, jwks, ...same }: Settings) => ({
  ...same,
  ...(scopes !== undefined && { allScopes: scopes === 'all', scopes: scopes === 'all' ? [] : [...scopes] }),
  ...(jwks !== undefined && jwksColumn(jwks)),
})

export const jwksColumn = (jwks: NonNullable<Client['jwks']> | null) => ({
  jwks: jwks ? ({ keys: jwks.keys } as Prisma.InputJsonObject) : Prisma.DbNull,
})

export const appColumns = <Settings extends Partial<AppSettings>>({
  redirectUris,
  postLogoutRedirectUris,
  ...same
}: Settings) => ({
  ...same,
  ...(redirectUris && { redirectUris: [...redirectUris] }),
  ...(postLogoutRedirectUris && { postLogoutRedirectUris: [...postLogoutRedirectUris] }),
})

/** Which columns differ, for the audit log; when it was changed is no change. */
export const changedColumns = (before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>) =>
  Object.keys(after).filter(
    (name) => name !== 'updatedAt' && name !== 'app' && JSON.stringify(after[name]) !== JSON.stringify(before[name]),
  )
