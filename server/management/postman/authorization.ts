/** What of the metadata (RFC 8414 §2) the collection is filled in from. */
export interface Endpoints {
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly introspection_endpoint: string
}

const CALLBACK = 'https://oauth.pstmn.io/v1/callback'

/** Where Postman listens: as a program, and on the web, where it puts its other address in by itself. */
export const CALLBACKS: readonly string[] = [CALLBACK, 'https://oauth.pstmn.io/v1/browser-callback']

const attributes = (values: Readonly<Record<string, string | boolean>>) =>
  Object.entries(values).map(([key, value]) => ({ key, value, type: typeof value }))

/** Authorization code with PKCE. Without a scope it is all that the app, and whoever signs in, may do. */
export const signIn = ({ authorization_endpoint, token_endpoint }: Endpoints) => ({
  type: 'oauth2',
  oauth2: attributes({
    tokenName: 'Keycourt',
    grant_type: 'authorization_code_with_pkce',
    challengeAlgorithm: 'S256',
    authUrl: authorization_endpoint,
    accessTokenUrl: token_endpoint,
    refreshTokenUrl: token_endpoint,
    redirect_uri: CALLBACK,
    useBrowser: true,
    clientId: '{{app_client_id}}',
    clientSecret: '{{app_client_secret}}',
    // A public app has no secret, and RFC 6749 §2.3.1 lets only those who have one use the header.
    client_authentication: 'body',
    scope: '',
    // What "Get a token" left there, until somebody signs in.
    accessToken: '{{access_token}}',
    addTokenTo: 'header',
    headerPrefix: 'Bearer',
  }),
})

const KEY = attributes({ username: '{{client_id}}', password: '{{client_secret}}' })

/** A form, sent by the key itself. */
const post = (name: string, url: string, fields: Readonly<Record<string, string>>, tests: readonly string[]) => ({
  name,
  event: [{ listen: 'test', script: { type: 'text/javascript', exec: tests } }],
  request: {
    method: 'POST',
    auth: { type: 'basic', basic: KEY },
    url,
    body: { mode: 'urlencoded', urlencoded: Object.entries(fields).map(([key, value]) => ({ key, value })) },
  },
})

/** RFC 6749 §4.4: for machines; and RFC 7662, what their tokens are worth. */
export const tokenFolder = ({ token_endpoint, introspection_endpoint }: Endpoints) => ({
  name: 'Get a token',
  item: [
    post('Get a token', token_endpoint, { grant_type: 'client_credentials' }, [
      "pm.test('answers 200', () => pm.response.to.have.status(200))",
      "pm.collectionVariables.set('access_token', pm.response.json().access_token)",
    ]),
    post('Introspect it', introspection_endpoint, { token: '{{access_token}}' }, [
      "pm.test('is active', () => pm.expect(pm.response.json().active).to.equal(true))",
    ]),
  ],
})
