import { newClientRef, newPublicId, newRecordId, newStandardKey, splitKey } from '../../server/credentials/format.ts'
import { basic, inPortions, type Stores, stamps } from './stores.ts'

export interface SeededKey {
  readonly apiKey: string
  readonly clientId: string
  /** Of its standing, which its tokens name. */
  readonly ref: string
  readonly headers: { readonly Authorization: string }
}

/** Keys with full access, as the server would write them. */
export async function seedKeys({ storage, digests, scope }: Stores, count: number): Promise<SeededKey[]> {
  const { database } = storage
  const { updatedAt, ...made } = stamps()
  const keys = Array.from({ length: count }, () => {
    const publicId = newPublicId()
    return { publicId, ref: newClientRef(), id: newRecordId('key'), key: newStandardKey('live', publicId) }
  })
  await inPortions(
    keys.map(({ ref }) => ({ ...scope, ref, kind: 'client' })),
    database.standing.createMany,
  )
  await inPortions(
    keys.map(({ id, publicId, ref }) => ({
      ...{ ...scope, ...made, updatedAt, id, publicId, ref },
      ...{ kind: 'standard', name: 'bench', allScopes: true },
    })),
    database.client.createMany,
  )
  await inPortions(
    keys.map(({ id, key }) => ({
      ...{ ...scope, ...made, ...digests.digest(key), id: newRecordId('sec'), clientId: id },
    })),
    database.secret.createMany,
  )
  return keys.map(({ key, ref }) => {
    const { clientId, clientSecret } = splitKey(key)
    return { apiKey: key, clientId, ref, headers: basic(clientId, clientSecret) }
  })
}
