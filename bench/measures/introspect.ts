import { newAccessToken } from '../../server/credentials/format.ts'
import type { Answer } from '../load/connection.ts'
import { postForm, type RawRequest } from '../load/request.ts'
import { sendAll } from '../load/send-all.ts'
import type { SeededKey } from '../seed/keys.ts'
import type { Address, World } from '../world.ts'
import { always, type Measure } from './measure.ts'
import { FORM, OIDC_FORM } from './mint.ts'

const ASK = '/oauth/introspect'

/** Each client asks about a token of its own. */
export const introspect: Measure = {
  name: 'introspect',
  title: 'Introspect',
  promised: { ratio: 0.8, perSecond: 8_000 },
  floor: { title: 'one Redis read', path: '/read' },
  defaultFloor: { title: 'one Redis read, ioredis as it comes', path: '/read-alone' },
  async prepare(world) {
    const { ours, oidcProvider, oidcClients } = world
    const clients = await world.keys()
    const tokens = await mintEach(world, clients)
    const theirs = oidcClients()
    let asked: RawRequest[] | undefined
    return {
      requests: always(aboutEach(ours, ASK, clients, tokens)),
      async oidcProvider() {
        if (asked) return asked
        const mints = theirs.map(({ headers }) => postForm(oidcProvider.host, '/token', OIDC_FORM, headers))
        const given = (await sendAll(oidcProvider.port, mints)).map(tokenIn)
        asked = aboutEach(oidcProvider, '/token/introspection', theirs, given)
        return asked
      },
    }
  },
}

/** Of the right form, checksum included, and of a client that there is: what is asked about most, besides what lives, is over. */
export const introspectMiss: Measure = {
  name: 'introspect-miss',
  title: 'Introspect, unknown',
  floor: { title: 'one Redis read that finds nothing', path: '/read-nothing' },
  async prepare({ ours, keys }) {
    const clients = await keys()
    const unknown = clients.map(({ ref }) => newAccessToken('live', ref))
    return { requests: always(aboutEach(ours, ASK, clients, unknown)) }
  },
}

export const introspectRevoked: Measure = {
  name: 'introspect-revoked',
  title: 'Introspect, revoked',
  floor: { title: 'one Redis read that finds nothing', path: '/read-nothing' },
  async prepare(world) {
    const { ours } = world
    const clients = await world.keys()
    const tokens = await mintEach(world, clients)
    await sendAll(ours.port, aboutEach(ours, '/oauth/revoke', clients, tokens))
    return { requests: always(aboutEach(ours, ASK, clients, tokens)) }
  },
}

async function mintEach({ ours }: World, clients: readonly SeededKey[]): Promise<string[]> {
  const mints = clients.map(({ headers }) => postForm(ours.host, '/oauth/token', FORM, headers))
  return (await sendAll(ours.port, mints)).map(tokenIn)
}

const tokenIn = ({ body }: Answer): string => JSON.parse(body).access_token

const aboutEach = (
  { host }: Address,
  path: string,
  clients: readonly Pick<SeededKey, 'headers'>[],
  tokens: readonly string[],
): RawRequest[] => clients.map(({ headers }, at) => postForm(host, path, { token: tokens[at] ?? '' }, headers))
