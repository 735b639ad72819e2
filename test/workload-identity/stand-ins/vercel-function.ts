import { text } from 'node:stream/consumers'
import { decodeJwt } from 'jose'
import { vi } from 'vitest'
import { json, origin } from '../../outbound/origin.ts'

const EXCHANGE = 'https://oidc.vercel.com/~token'

/** Vercel, around a function: its issuer's exchange, and requests to the function. Lives as long as the test. */
export async function startVercel(sign: (claims: Record<string, unknown>) => Promise<string>) {
  const { port } = await origin(async (request, response) => {
    const { token, aud } = JSON.parse(await text(request))
    const claims = { ...decodeJwt(token), aud }
    json({ token: await sign(claims), expiry: claims.exp })(request, response)
  })
  // The library knows no other address, so its request is led here.
  const { fetch } = globalThis
  vi.stubGlobal('fetch', (where: string | URL | Request, init?: RequestInit) =>
    fetch(where === EXCHANGE ? `http://127.0.0.1:${port}/~token` : where, init),
  )
  return {
    /** From now on a request is being handled that came with this token. */
    receive(token: string) {
      const context = { headers: { 'x-vercel-oidc-token': token } }
      vi.stubGlobal(Symbol.for('@vercel/request-context'), { get: () => context })
    },
  }
}
