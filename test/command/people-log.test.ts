import { expect, test } from 'vitest'
import { callerAt } from './caller.ts'
import { useCredentialsOfPeople } from './credentials-in-use.ts'
import { onCluster, onPostgres, portOf } from './postgres.ts'
import { start } from './process.ts'

test.each([
  ['PostgreSQL and Redis', onCluster],
  ['PostgreSQL alone', onPostgres],
])('at the lowest level the log holds no credential of a person or an app: %s', async (_, stores) => {
  const environment = await stores()
  const server = await start({ ...environment, KC_LOG_LEVEL: 'trace' })
  const issuer = environment.KC_LIVE_URL
  const caller = callerAt(portOf(issuer))
  const credentials = await useCredentialsOfPeople({ caller, issuer, made: await server.bootstrap() })
  server.kill('SIGTERM')
  expect(await server.ended).toBe(0)
  const said = server.output() + server.errors()

  // It was as talkative as it can be, so that its silence says something.
  for (const route of ['/oauth/token', '/oauth/introspect', '/oauth/par', '/oauth/interaction/:uid/password']) {
    expect({ route, logged: said.includes(`"route":"${route}"`) }).toEqual({ route, logged: true })
  }
  expect(said).toContain('"level":"debug"')
  const told = Object.entries(credentials).filter(([, value]) => partsOf(value).some((part) => said.includes(part)))
  expect(told.map(([what]) => what)).toEqual([])
})

/** Whole, and without its end: what was cut short is told as well. Of a JWT, the signature makes it worth something. */
function partsOf(credential: string): string[] {
  const secret = /^eyJ/.test(credential) ? (credential.split('.').at(-1) as string) : credential
  const random = secret.replace(/^(kc|kr)_live_/, '')
  return [credential, encodeURIComponent(credential), random, random.slice(0, 16)]
}
