import type { KeyRing } from '../../keys/key-ring.ts'
import type { Change } from '../audit/change.ts'
import type { Foundation } from '../build.ts'
import { unfitness } from '../credentials/authenticator.ts'
import type { ClientRegistry } from '../credentials/client-registry.ts'
import type { Digests } from '../credentials/digest.ts'
import type { Mode } from '../mode/mode.ts'
import { type AuthorizationServer, createAuthorizationServer } from '../oauth/authorization/authorization-server.ts'
import { createBrowserSessions, createInteractions } from '../oauth/authorization/interactions.ts'
import type { AuthorizationCodes } from '../oauth/authorization-code.ts'
import { looksLikeUrl } from '../oauth/client-metadata/client-id-url.ts'
import type { DocumentClients } from '../oauth/client-metadata/document-clients.ts'
import { createSignIn } from '../sign-in/sign-in.ts'
import type { StateStore } from '../storage/state-store.ts'
import type { Consents } from './consent.ts'
import { createMembers } from './member.ts'
import { createSignInSessions } from './sign-in-session.ts'

interface Needs {
  mode: Mode
  issuer: string
  state: StateStore
  digests: Digests
  clients: ClientRegistry
  documentClients: DocumentClients
  codes: AuthorizationCodes
  consents: Consents
  change: Change
  keyRing: KeyRing
}

/** The part of a mode that people meet in a browser: the other half of the composition root. */
export function buildPeople({ storage, masterKeys, clock }: Foundation, needs: Needs) {
  const { mode, issuer, state, digests, clients, documentClients, codes, consents, change, keyRing } = needs
  const { database } = storage
  const members = createMembers({ database })
  const signInSessions = createSignInSessions({ mode, database, digests, clock })

  /** Whoever may use the authorization code flow, as it stands now, from where the browser is. */
  async function findClient(clientId: string, resource: readonly string[], ip: string) {
    if (looksLikeUrl(clientId)) {
      const described = await documentClients.findByClientId(clientId, { resource, ip })
      return described.ok ? described.value : undefined
    }
    const known = await clients.current(() => clients.ofClientId(clientId))
    return known?.client.app && !unfitness(known, clock.now(), ip) ? known : undefined
  }

  const server = () => authorizationServer
  const signIn = createSignIn({
    ...{ mode, issuer, signInSessions, members, database, change, state, digests, clock },
    interactions: createInteractions({ server, findClient }),
    sessions: createBrowserSessions({ server }),
    csrfKey: masterKeys.current.derive(`csrf ${mode}`, 32),
    registerClient: documentClients.register,
  })

  // oidc-provider reads its keys once, so new keys mean a new one; requests under way finish on the old one.
  const build = (): AuthorizationServer =>
    createAuthorizationServer({
      ...{ mode, issuer, state, digests, sessions: signInSessions, codes, consents, members, clock, findClient },
      pages: signIn.pages,
      signingKeys: keyRing.current().signingKeys,
      cookieKeys: masterKeys.all.map((key) => key.derive(`cookies ${mode}`, 32).toString('base64url')),
    })
  let authorizationServer = build()
  keyRing.onChange(() => {
    authorizationServer = build()
  })
  return { signInSessions, authorizationServer: server, signIn: signIn.handle, errorPage: signIn.pages.error }
}
