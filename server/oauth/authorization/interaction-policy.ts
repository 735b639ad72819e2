import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
import { redirectKind } from '../redirect-uri.ts'

const { Check, base } = interactionPolicy

/** When a person is asked to sign in, and when to agree. oidc-provider's own rules, and these. */
export function createInteractionPolicy(): interactionPolicy.DefaultPolicy {
  const policy = base()
  policy.get('login')?.checks.add(
    // Signed in as somebody of another tenant, or as somebody who is gone: as good as not signed in.
    new Check('unknown_account', 'End-User authentication is required', 'login_required', ({ oidc }) =>
      oidc.session?.accountId !== undefined && !oidc.account ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT,
    ),
  )
  const consent = policy.get('consent')
  // It asks for every native app; what matters is who gets the code, which the next check looks at.
  consent?.checks.remove('native_client_prompt')
  consent?.checks.add(
    // RFC 8252 §8.6: nobody can tell who listens on a loopback port or has claimed a scheme, so a person looks each time.
    new Check('unproven_client', 'End-User consent is required for this client', 'consent_required', (ctx) =>
      isUnproven(ctx) && !ctx.oidc.result?.consent ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT,
    ),
  )
  return policy
}

const isUnproven = ({ oidc }: KoaContextWithOIDC): boolean =>
  redirectKind(String(oidc.params?.redirect_uri)) !== 'https'
