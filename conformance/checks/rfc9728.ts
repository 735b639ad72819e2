import { callResource } from '../acting/tokens.ts'
import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { isDocument, wellKnown } from '../discovery.ts'
import { describe, judge, NotOffered } from '../judge.ts'
import { challengeIn } from './rfc6750.ts'
import { isProtected, listIn } from './rfc8414.ts'

const { must, should, may } = requirementsOf('RFC 9728')

const NEEDS = ['resource_metadata'] as const

const identifierOf = (context: Context): string => String(context.the('protected_resource').identifier)

const fetchMetadata = (context: Context) =>
  context.send({ url: wellKnown(identifierOf(context), 'oauth-protected-resource') })

export const rfc9728 = [
  must('3.1 well-known', 'The metadata of the resource are at the well-known URL', NEEDS, async (context) => {
    const answer = await fetchMetadata(context)
    return judge(isDocument(answer), describe(answer))
  }),
  must('3.2 json', 'They are application/json', NEEDS, async (context) => {
    const type = (await fetchMetadata(context)).headers.get('content-type') ?? 'none'
    return judge(/^application\/json\b/i.test(type), type)
  }),
  must('3.3 resource', 'resource is the identifier that the URL was made of, to the letter', NEEDS, async (context) => {
    const { resource } = (await fetchMetadata(context)).body
    return judge(resource === identifierOf(context), String(resource))
  }),
  must('1.2 identifier', 'resource is an https URL without fragment', NEEDS, async (context) => {
    const { resource } = (await fetchMetadata(context)).body
    return judge(isProtected(resource) && !String(resource).includes('#'), String(resource))
  }),
  must('3.2 no-empty-lists', 'Claims with zero elements are left out', NEEDS, async (context) => {
    const { body } = await fetchMetadata(context)
    const empty = Object.entries(body).filter(([, value]) => Array.isArray(value) && value.length === 0)
    return judge(empty.length === 0, empty.map(([name]) => name).join(' ') || 'no empty list')
  }),
  should('2 authorization-servers', 'authorization_servers has this issuer', NEEDS, async (context) => {
    const servers = listIn((await fetchMetadata(context)).body.authorization_servers)
    return judge(servers.includes(context.issuer), servers.join(' ') || 'none')
  }),
  must('2 bearer-methods', 'bearer_methods_supported are of header, body, query', NEEDS, async (context) => {
    const methods = listIn((await fetchMetadata(context)).body.bearer_methods_supported)
    return judge(
      methods.every((method) => ['header', 'body', 'query'].includes(String(method))),
      methods.join(' ') || 'none',
    )
  }),
  may('5.1 challenge', 'A challenge of the resource says where its metadata are', NEEDS, async (context) => {
    const [, url] = /resource_metadata="([^"]+)"/.exec(challengeIn(await callResource(context))) ?? []
    return judge(url === wellKnown(identifierOf(context), 'oauth-protected-resource'), url ?? 'no resource_metadata')
  }),
  should(
    '4 protected-resources',
    'protected_resources of the server, if it is there, has the resource',
    NEEDS,
    async (context) => {
      const { protected_resources } = context.metadata
      if (protected_resources === undefined) throw new NotOffered('the metadata have no protected_resources')
      return judge(listIn(protected_resources).includes(identifierOf(context)), listIn(protected_resources).join(' '))
    },
  ),
]
