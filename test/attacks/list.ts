export interface Attack {
  readonly number: number
  readonly group: Group
  /** What is sent, and what must come of it. */
  readonly attack: string
  /** Why there can be no test. */
  readonly notApplicable?: string
}

export const GROUPS = [
  'Client authentication and keys',
  'Client credentials',
  'Authorization code and PKCE',
  'Refresh tokens',
  'Token exchange and workload identity',
  'DPoP',
  'Introspection, revocation and metadata',
  'Platform',
] as const

export type Group = (typeof GROUPS)[number]

const of = (group: Group, first: number, attacks: readonly (string | Pick<Attack, 'attack' | 'notApplicable'>)[]) =>
  attacks.map((attack, at): Attack => {
    const told = typeof attack === 'string' ? { attack } : attack
    return { number: first + at, group, ...told }
  })

/** What whoever wants in has tried elsewhere, or will try here. The tests that carry a number are how it fails. */
export const ATTACKS: readonly Attack[] = [
  ...of('Client authentication and keys', 1, [
    "Thousands of guesses at one client's secret, from one network and then from many → 401, soon 429 with `Retry-After`; its owner, elsewhere, gets tokens throughout",
    'A Basic header that breaks its own syntax: padding, control characters, `%`, `+`, a second colon → 400 or 401, never 500, never somebody else',
    'Two ways of authenticating in one request → `invalid_request`',
    'A parameter that appears twice → `invalid_request`, `resource` excepted',
    'A secret that goes on after the 72nd byte, right up to there → 401',
    'A key with one character changed, missing, added, in the other case or in a look-alike → 401 by its checksum alone, no store asked, all in the same time',
    'A credential or token of one mode in the other → refused and audited, introspected as inactive',
    'A key that was revoked or ran out, or whose owner or tenant was disabled → refused at the next request on every node, out of a warm cache too',
    'A credential that comes back, restored or active again → what was minted before stays dead; a revoked key never comes back',
    'The old secret of a rotated key → good during the overlap, refused a second after it, out of a warm cache too',
    'Six API clients made active at once where five may be → five',
    'An expiry in the past, in the far future, not a number, in a time zone → validated; no token outlives its key',
    'A key made for somebody else, named by body, header or path → 403 or 404, and no row',
    "Fields that are not the caller's to set, `__proto__` among them → refused or ignored; what wasn't sent stays",
    'Every id of the management API, asked for by another tenant → 404',
    'A secret after it was shown once, in lists, records, audit, logs, errors, metrics → nowhere',
    'Client assertions that are unsigned, of the wrong algorithm, audience, subject or age, or replayed → refused; of one sent at once to two processes, one is taken',
    'An assertion good for ten years → refused, so that what is remembered of assertions has an end',
    "An assertion for the token endpoint's URL, or for another server → refused",
    'An unsigned assertion beside a right secret, where a signature is required → refused',
  ]),
  ...of('Client credentials', 21, [
    'Scopes that were not granted, empty, endless, illegal, repeated → `invalid_scope` or put in order, never more than was granted',
    'A narrower permission asks for a wider one, also after it was lowered while tokens live → refused',
    'A client that has no business with the grant → `unauthorized_client`; a refresh token never comes of it',
    'Two resources, an unknown one, one with a fragment → `invalid_target`',
    'The token endpoint by GET, in JSON, with two content types, 2 MB, a gzip bomb, a body that never ends → 4xx or a time limit, memory flat',
    'Any answer of the token endpoint → `Cache-Control: no-store`',
  ]),
  ...of('Authorization code and PKCE', 27, [
    'No challenge, `plain`, a wrong verifier, one too short or too long, one without a challenge → refused',
    'A redirect URI that differs in case, port, path, query, dots, userinfo, encoding, sub-domain → refused, and nobody is redirected',
    'A code used again, at once or later → `invalid_grant`, and all tokens of its first use die',
    'A code used 50 times at once on two processes → once',
    "A client's code presented by another → `invalid_grant`, and the code is burnt",
    'Another redirect URI, resource or scope at the token endpoint than was agreed → refused; less is fine',
    'An answer of another issuer mixed in → client libraries refuse it, since ours always carries `iss`',
    "Other response types and modes, `prompt=none` without a session, a `request_uri` inside the network → the standard's errors, nothing fetched",
  ]),
  ...of('Refresh tokens', 35, [
    'A rotated token after its retry window → the family is dead, newest access token included, and the log says theft',
    'Within the window by the same client, scope and key → the same successor; by any other → the family is dead',
    'Fifty refreshes at once → one successor, never two live branches',
    'The token before the last, within the window → the family is dead',
    'Server and Redis restart between rotation and reuse → still dead',
    'A confidential client without its secret → `invalid_client`',
    'After its client, scope, audience, person or key is gone → refused',
    'Refreshing for ever → ends at the absolute limit',
    'A bound token without a proof, or by another key → refused',
  ]),
  ...of('Token exchange and workload identity', 44, [
    'A platform token without our audience, with others beside it, or against an empty list → refused',
    'One without an expiry or an age, good for years, from the future, not good yet → refused',
    "One that is unsigned, signed by HMAC with the issuer's public key, or brings its own key; a `kid` with a path or SQL → refused, nothing fetched",
    'An issuer that nearly is the right one → refused, nothing fetched before it is known',
    'Repositories, branches and environments named to look like allowed ones; patterns with more power than a glob → no match',
    'The old and the new form of `sub`; a repository made anew under the old name → the right id alone matches',
    "A fork's pull request, `pull_request_target`, another owner's workflow → refused unless a condition names it",
    'One token exchanged twice, or many times at once, where it is good once → once',
    "An issuer's keys that are endless, redirected, inside the network, HTML, ambiguous, or asked for by unknown `kid`s → bounded, and other issuers don't notice",
    "An issuer's keys that can't be had → known keys for a stated time, then `temporarily_unavailable`",
    'A provider, binding, service user or tenant that was disabled → refused at once',
    'A subject token that is missing, empty, sent twice, or not of its type → `invalid_request`, never in the name of the caller',
    'Our own access, refresh, ID or sandbox token as subject → refused unless allowed; never more scope, life or audience than it has',
    'An actor without permission, a chain that is too long → refused; the chain is recorded',
    'A refresh token asked for in exchange → refused',
    'A bound subject token without its proof → refused; with it, the new one is bound',
    "Another AWS account, Azure tenant, Google address or Vercel environment than the condition's → refused",
  ]),
  ...of('DPoP', 61, [
    'Proofs with anything missing or wrong → refused; those that differ only as a URL may → accepted',
    'One proof twice, and ten times at once on two processes → once',
    'A proof from the near future, replayed when a memory of fixed length has forgotten it → refused',
    'A nonce of another server, an old one, one that is rotated meanwhile → `use_dpop_nonce` with a fresh one; one retry is enough',
    'A replayed proof → `invalid_dpop_proof`, not another error',
    'A million proofs → what is remembered of them ends with them',
  ]),
  ...of('Introspection, revocation and metadata', 67, [
    'Introspection by nobody, with a bearer token alone, by a client that the token is not for → 401, or `active: false` and no more, as JWT too',
    'A token of another tenant or mode → `active: false`, like an unknown one in time and shape',
    'Garbage, 1 MB, NUL, a truncated token → `active: false`, no store asked',
    'A wrong `token_type_hint` → the right answer',
    "Another client's token revoked → 200, and it lives; one's own twice → 200; a refresh token → its access tokens die too",
    'A token revoked on one node, introspected on another at once → `active: false`',
    'Forged `Host` and `X-Forwarded-*` → issuer, URLs and the key of every limit stay as they are',
    'Metadata by other paths, methods and origins → right, cacheable, without credentials',
  ]),
  ...of('Platform', 75, [
    'One IPv6 network under all its addresses and spellings → one key of the limit',
    'SQL, wildcards, operators, control and right-to-left characters, formulas, markup in names → inert',
    'Redis or PostgreSQL away or slow → no token that could not be revoked, no open door, a clear 503',
    "A node's clock an hour off → bounded, and told",
    'A node killed between spending and issuing → the retry is answered, and never two families',
    'The audit log under load, crashes and edits → nothing lost that was answered, edits show, no secret in it',
    'Signing keys rotated under load → no signature fails to verify',
    'An unknown client, a wrong secret, a revoked key → no difference in time',
    "People's pages: forged requests, frames, fixed sessions, a key shown again, a key in a URL → no",
    'The leak endpoint with a forged signature, a report again, thousands of tokens → refused or bounded; a right one → the key is dead',
    "A client's document that is inside the network, redirected, huge, holds a secret, or would bring a disabled client back → refused",
  ]),
]
