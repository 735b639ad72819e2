import { systemClock } from '../../server/clock.ts'
import { DEFAULT_LIFETIMES } from '../../server/credentials/apps.ts'
import { newAppSecret, newClientRef, newPublicId, newRecordId } from '../../server/credentials/format.ts'
import { createRefreshFamilies } from '../../server/oauth/refresh-family.ts'
import { basic, inPortions, type Stores, stamps } from './stores.ts'

export interface SeededApp {
  readonly headers: { readonly Authorization: string }
  /** A new authorization of the app by its person; the refresh token that came of it. */
  authorize(): Promise<string>
}

const SCOPE = ['api-keys:read']

/** Confidential apps, each with the consent of one person. */
export async function seedApps(stores: Stores, issuer: string, count: number): Promise<SeededApp[]> {
  const { storage, digests, scope, memberId } = stores
  const { database } = storage
  const { updatedAt, ...made } = stamps()
  const apps = Array.from({ length: count }, () => {
    const publicId = newPublicId()
    const secret = newAppSecret('live', publicId)
    return { publicId, id: `app_${publicId}`, ref: newClientRef(), consentRef: newClientRef(), secret }
  })
  await inPortions(
    apps.flatMap(({ ref, consentRef }) => [
      { ...scope, ref, kind: 'client' },
      { ...scope, ref: consentRef, kind: 'consent', memberId },
    ]),
    database.standing.createMany,
  )
  await inPortions(
    apps.map(({ id, publicId, ref }) => ({
      ...{ ...scope, ...made, updatedAt, id, publicId, ref, kind: 'app', name: 'bench', allScopes: true },
    })),
    database.client.createMany,
  )
  await inPortions(
    apps.map(({ id }) => ({
      ...{ ...scope, ...DEFAULT_LIFETIMES, clientId: id, type: 'confidential' },
      redirectUris: ['https://app.example/callback'],
    })),
    database.app.createMany,
  )
  await inPortions(
    apps.map(({ id, secret }) => ({
      ...{ ...scope, ...made, ...digests.digest(secret), id: newRecordId('sec'), clientId: id },
    })),
    database.secret.createMany,
  )
  await inPortions(
    apps.map(({ id, consentRef }) => ({
      ...{ ...scope, id: newRecordId('con'), memberId, clientId: id, ref: consentRef },
      ...{ scopes: { [issuer]: SCOPE }, createdAt: made.createdAt, updatedAt },
    })),
    database.consent.createMany,
  )
  const families = createRefreshFamilies({ mode: 'live', state: storage.state.live, digests, clock: systemClock })
  return apps.map(({ id, ref, consentRef, secret }) => ({
    headers: basic(id, secret),
    async authorize() {
      const now = Date.now()
      const { refreshToken } = await families.begin({
        ...{ tenantId: scope.tenantId, clientRef: ref, clientEpoch: 1, memberId, consentRef, consentEpoch: 1 },
        ...{ scope: SCOPE, audience: issuer, authTime: Math.floor(now / 1000), amr: ['pwd'] },
        ...{ endsAt: now + DEFAULT_LIFETIMES.refreshAbsolute * 1000, idle: DEFAULT_LIFETIMES.refreshIdle * 1000 },
      })
      return refreshToken
    },
  }))
}
