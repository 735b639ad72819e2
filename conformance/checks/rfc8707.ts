import { authorize, obtainCode, redeem } from '../acting/authorization.ts'
import { callResource, introspect, mint, requestOwnToken } from '../acting/tokens.ts'
import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { all, granted, judge, NotOffered, refused } from '../judge.ts'
import { turnedDown } from './rfc6749/authorization-endpoint.ts'

const { must, should } = requirementsOf('RFC 8707')

const NEEDS = ['resource'] as const

const resourceForm = (context: Context) => {
  const { identifier, scope } = context.the('resource')
  return { resource: identifier, scope: scope.join(' ') || undefined }
}

export const rfc8707 = [
  must('2 resource', 'A token for a resource is given', NEEDS, async (context) =>
    granted(await requestOwnToken(context, resourceForm(context))),
  ),
  should('2 audience', 'The audience of the token is that resource', [...NEEDS, 'introspection'], async (context) => {
    const { body } = await introspect(context, await mint(context, resourceForm(context)))
    if (body.active !== true) throw new NotOffered('introspection does not answer for this token')
    return judge([body.aud].flat().includes(context.the('resource').identifier), `aud ${JSON.stringify(body.aud)}`)
  }),
  should('2 absolute', 'A resource that is no absolute URI is invalid_target', NEEDS, async (context) =>
    refused(await requestOwnToken(context, { resource: '/relative' }), 'invalid_target'),
  ),
  should('2 fragment', 'A resource with a fragment is invalid_target', NEEDS, async (context) =>
    refused(
      await requestOwnToken(context, { resource: `${context.the('resource').identifier}#fragment` }),
      'invalid_target',
    ),
  ),
  should('2 unknown', 'An unknown resource is invalid_target', NEEDS, async (context) =>
    refused(await requestOwnToken(context, { resource: 'https://unknown.example/conformance' }), 'invalid_target'),
  ),
  should(
    '2 several',
    'Several resources are either all in the audience, or refused',
    [...NEEDS, 'introspection'],
    async (context) => {
      const resource = [context.the('resource').identifier, 'https://unknown.example/conformance']
      return refused(await requestOwnToken(context, { resource }), 'invalid_target')
    },
  ),
  should(
    '2 not-elsewhere',
    'A token for one resource is not accepted at another',
    [...NEEDS, 'protected_resource'],
    async (context) => {
      const answer = await callResource(context, `Bearer ${await mint(context, resourceForm(context))}`)
      return judge(answer.status === 401 || answer.status === 403, String(answer.status))
    },
  ),
  should(
    '2.1 authorization',
    'An unknown resource at the authorization endpoint is invalid_target',
    ['code'],
    async (context) =>
      turnedDown(await authorize(context, { resource: 'https://unknown.example/conformance' }), 'invalid_target'),
  ),
  should(
    '2.2 code',
    'A code is not redeemed for a resource that was not authorized',
    ['code', ...NEEDS],
    async (context) => {
      const code = await obtainCode(context)
      return all(
        refused(
          await redeem(context, code, { resource: 'https://unknown.example/conformance' }),
          'invalid_target',
          'invalid_grant',
        ),
      )
    },
  ),
]
