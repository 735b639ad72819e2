import { newClientRef, newPublicId, newRecordId } from '../../server/credentials/format.ts'
import { createIssuer, type TestIssuer } from '../../test/workload-identity/issuer.ts'
import { inPortions, type Stores, stamps } from './stores.ts'

export interface SeededWorkloads {
  readonly issuer: TestIssuer
  /** Client ids; the platform's tokens have the same as `sub`. */
  readonly serviceUsers: readonly string[]
}

/** A stand-in for a platform that signs with RS256, as platforms do, and service users, each bound to one `sub` of it. */
export async function seedWorkloads({ storage, scope }: Stores, ours: string, count: number): Promise<SeededWorkloads> {
  const { database } = storage
  const made = stamps()
  const issuer = await createIssuer({ aud: ours, alg: 'RS256' })
  const providerId = newRecordId('wp')
  // Good once each, which is the default for issuers of one's own, and for GitHub's and most platforms' jobs.
  const provider = { platform: 'oidc', name: 'bench', issuer: issuer.url, audiences: [], singleUse: true }
  await database.workloadProvider.create({ data: { ...scope, ...made, ...provider, id: providerId } })
  const users = Array.from({ length: count }, () => {
    const publicId = newPublicId()
    return { publicId, id: `su_${publicId}`, ref: newClientRef(), bindingRef: newClientRef() }
  })
  await inPortions(
    users.flatMap(({ ref, bindingRef }) => [
      { ...scope, ref, kind: 'client' },
      { ...scope, ref: bindingRef, kind: 'binding' },
    ]),
    database.standing.createMany,
  )
  await inPortions(
    users.map(({ id, publicId, ref }) => ({
      ...{ ...scope, ...made, id, publicId, ref, kind: 'service_user', name: 'bench', role: 'editor' },
    })),
    database.client.createMany,
  )
  await inPortions(
    users.map(({ id, bindingRef }) => ({
      ...{ ...scope, ...made, id: newRecordId('bind'), ref: bindingRef, providerId, serviceUserId: id },
      ...{ conditions: [{ claim: 'sub', op: 'equals', value: id }], scopes: ['api-keys:read'] },
    })),
    database.workloadBinding.createMany,
  )
  return { issuer, serviceUsers: users.map(({ id }) => id) }
}
