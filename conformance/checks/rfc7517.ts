import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { describe, judge, passed } from '../judge.ts'
import { listIn } from './rfc8414.ts'

const { must, should } = requirementsOf('RFC 7517')

const NEEDS = ['jwks'] as const

/** RFC 7518 §6, and AKP: the members of private and of symmetric keys. */
const SECRET = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

async function keysAt({ send, url }: Context) {
  const answer = await send({ url: url('jwks_uri') })
  return { answer, keys: listIn(answer.body.keys) as Record<string, unknown>[] }
}

export const rfc7517 = [
  must('5 keys', 'The JWK Set at jwks_uri has a keys array, of keys that have a kty', NEEDS, async (context) => {
    const { answer, keys } = await keysAt(context)
    const isSet = Array.isArray(answer.body.keys) && keys.every(({ kty }) => typeof kty === 'string')
    return judge(answer.status === 200 && isSet, isSet ? `${keys.length} keys` : describe(answer))
  }),
  must('9.2 public-only', 'No private or symmetric key is published', NEEDS, async (context) => {
    const { keys } = await keysAt(context)
    const secret = keys.filter((key) => key.kty === 'oct' || SECRET.some((member) => member in key))
    return judge(secret.length === 0, secret.length ? `${secret.length} private or symmetric` : 'public keys only')
  }),
  should('4.5 distinct-kids', 'Keys of a set have distinct kids', NEEDS, async (context) => {
    const kids = (await keysAt(context)).keys.map(({ kid }) => kid).filter((kid) => kid !== undefined)
    return judge(new Set(kids).size === kids.length, `${kids.length} kids`)
  }),
  should('4.5 kid', 'Where there are several keys, each has a kid to be chosen by', NEEDS, async (context) => {
    const { keys } = await keysAt(context)
    if (keys.length < 2) return passed(`${keys.length} keys`)
    return judge(
      keys.every(({ kid }) => typeof kid === 'string'),
      `${keys.length} keys`,
    )
  }),
]
