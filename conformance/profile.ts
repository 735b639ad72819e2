import { z } from 'zod'

const name = z.string().min(1)
const scope = z.array(name).default([])
const fields = z.record(name, z.string())
const jwk = z.looseObject({ kty: name })

const secretClient = z.strictObject({
  client_id: name,
  client_secret: name,
  methods: z
    .array(z.enum(['client_secret_basic', 'client_secret_post']))
    .min(1)
    .default(['client_secret_basic']),
})

/** What a server offers, and credentials to see it by. Everything may be left out: what is missing is not checked. */
export const Profile = z.strictObject({
  /** Of a server that publishes none, and over what it publishes. */
  metadata: z.record(name, z.unknown()).default({}),
  /** Uses client_credentials. `scope` is what it has; two or more let narrowing be seen. */
  client: secretClient.extend({ scope }).optional(),
  /** Another confidential client: nothing of the first one's is its own. */
  other_client: secretClient.optional(),
  /** May introspect tokens of all clients here. */
  introspection_client: secretClient.optional(),
  /** Uses client_credentials with private_key_jwt. `audience` is the issuer unless the server wants another. */
  key_client: z
    .strictObject({ client_id: name, private_jwk: jwk, alg: name.default('ES256'), audience: name.optional() })
    .optional(),
  /** A public client of the authorization code flow, and what a person would write into the forms on the way. */
  public_client: z
    .strictObject({
      client_id: name,
      redirect_uri: z.url(),
      /** Registered without a port, or with another one. */
      loopback_redirect_uri: z.url().optional(),
      scope,
      /** Sent with every authorization request. */
      parameters: fields.default({}),
      /** The form that has most of these names is submitted, until the browser is sent back. */
      sign_in: fields,
    })
    .optional(),
  /** Another public client of the same flow, for which nothing of the first one's is good. */
  other_public_client: z.strictObject({ client_id: name }).optional(),
  /** A resource that `client` may ask tokens for, other than the one that it gets without asking. */
  resource: z.strictObject({ identifier: z.url(), scope }).optional(),
  /** Answers a GET with 2xx for a token of `client`, or of the public client, whose `scope` is this. */
  protected_resource: z
    .strictObject({
      url: z.url(),
      identifier: z.url().optional(),
      scope,
      insufficient_scope: scope,
      dpop: z.boolean().default(false),
    })
    .optional(),
  /** Whose JWTs the server takes for tokens of its own; the suite signs them, good and bad. */
  trusted_issuer: z
    .strictObject({
      issuer: z.url(),
      private_jwk: jwk,
      alg: name.default('RS256'),
      kid: name.optional(),
      subject: name,
      audience: name,
      claims: z.record(name, z.unknown()).default({}),
      /** Who asks, if somebody must be named. */
      client_id: name.optional(),
      scope,
    })
    .optional(),
})

export type Profile = z.infer<typeof Profile>
export type SecretClient = z.infer<typeof secretClient>
export type KeyClient = NonNullable<Profile['key_client']>
export type PublicClient = NonNullable<Profile['public_client']>

/** A sentence for each thing that is wrong, or the profile. */
export function readProfile(json: unknown): { profile: Profile } | { wrong: string } {
  const parsed = Profile.safeParse(json)
  return parsed.success ? { profile: parsed.data } : { wrong: z.prettifyError(parsed.error) }
}

/** All that the report must not show. */
export function secretsOf(profile: Profile): string[] {
  const { client, other_client, introspection_client, key_client, public_client, trusted_issuer } = profile
  const keys = [key_client?.private_jwk, trusted_issuer?.private_jwk]
  return [
    ...[client, other_client, introspection_client].map((each) => each?.client_secret),
    ...keys.flatMap((key) => ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].map((member) => key?.[member])),
    ...Object.values(public_client?.sign_in ?? {}),
  ].filter((value): value is string => typeof value === 'string')
}
