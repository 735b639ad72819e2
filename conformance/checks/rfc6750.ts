import type { Answer } from '../acting/http.ts'
import { altered, callResource, mint, mintForResource, resourceForm } from '../acting/tokens.ts'
import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { all, describe, judge } from '../judge.ts'

const { must, should } = requirementsOf('RFC 6750')

const NEEDS = ['protected_resource'] as const

export const challengeIn = ({ headers }: Answer): string => headers.get('www-authenticate') ?? ''

const seen = (answer: Answer): string => `${answer.status}, ${challengeIn(answer) || 'no challenge'}`

export const served = (answer: Answer) => judge(answer.status >= 200 && answer.status < 300, describe(answer))

const withQuery = async (context: Context, headers: Readonly<Record<string, string>> = {}) => {
  const url = new URL(context.the('protected_resource').url)
  url.searchParams.set('access_token', await mintForResource(context))
  return context.send({ url: url.href, headers })
}

export const rfc6750 = [
  must('2.1 header', 'A token in the Authorization header is accepted', NEEDS, async (context) =>
    served(await callResource(context, `Bearer ${await mintForResource(context)}`)),
  ),
  must('2.1 any-case', 'The scheme is read in any case (RFC 9110 §11.1)', NEEDS, async (context) =>
    served(await callResource(context, `bEARER ${await mintForResource(context)}`)),
  ),
  must('3 challenge', 'Without a token: 401 with a Bearer challenge', NEEDS, async (context) => {
    const answer = await callResource(context)
    return judge(answer.status === 401 && /\bBearer\b/i.test(challengeIn(answer)), seen(answer))
  }),
  should('3.1 no-error-without-token', 'Who sent no token is told no error code', NEEDS, async (context) => {
    const answer = await callResource(context)
    return judge(answer.status === 401 && !/\berror=/.test(challengeIn(answer)), seen(answer))
  }),
  must('3 challenge-on-error', 'An unknown token gets 401 with a Bearer challenge', NEEDS, async (context) => {
    const answer = await callResource(context, 'Bearer conformance-no-such-token')
    return judge(answer.status === 401 && /\bBearer\b/i.test(challengeIn(answer)), seen(answer))
  }),
  should('3.1 invalid-token', 'An unknown token is invalid_token', NEEDS, async (context) => {
    const answer = await callResource(context, 'Bearer conformance-no-such-token')
    return judge(answer.status === 401 && /error="?invalid_token/.test(challengeIn(answer)), seen(answer))
  }),
  must('3 attributes-once', 'No attribute of a challenge appears twice', NEEDS, async (context) => {
    const challenge = challengeIn(await callResource(context, 'Bearer conformance-no-such-token'))
    const perScheme = challenge.split(/(?:^|,\s*)(?=(?:Bearer|DPoP|Basic)\b)/i)
    const isOnce = (text: string) => {
      const names = [...text.matchAll(/(\w+)=/g)].map(([, name]) => name)
      return new Set(names).size === names.length
    }
    return judge(perScheme.every(isOnce), challenge || 'no challenge')
  }),
  must('5.2 altered', 'A token that was altered is refused', NEEDS, async (context) => {
    const answer = await callResource(context, `Bearer ${altered(await mintForResource(context))}`)
    return judge(answer.status === 401, seen(answer))
  }),
  should('2 one-method', 'A token in the header and one in the query together are refused', NEEDS, async (context) => {
    const answer = await withQuery(context, { authorization: `Bearer ${await mintForResource(context)}` })
    return judge(answer.status >= 400 && answer.status < 500, seen(answer))
  }),
  should('2.3 not-in-the-query', 'A token in the query alone is not accepted', NEEDS, async (context) => {
    const answer = await withQuery(context)
    return judge(answer.status >= 400 && answer.status < 500, seen(answer))
  }),
  should(
    '3.1 insufficient-scope',
    'A token without the scope gets 403 insufficient_scope',
    [...NEEDS, 'insufficient_scope'],
    async (context) => {
      const scope = context.the('protected_resource').insufficient_scope.join(' ')
      const answer = await callResource(context, `Bearer ${await mint(context, { ...resourceForm(context), scope })}`)
      return judge(answer.status === 403 && /error="?insufficient_scope/.test(challengeIn(answer)), seen(answer))
    },
  ),
  must('3 malformed', 'A malformed Authorization header is refused, and breaks nothing', NEEDS, async (context) => {
    const answers = [await callResource(context, 'Bearer'), await callResource(context, 'Bearer a b c')]
    const findings = answers.map((answer) => judge(answer.status >= 400 && answer.status < 500, seen(answer)))
    return all(...findings)
  }),
]
