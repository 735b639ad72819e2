import { expect, test } from 'vitest'
import { decodeToken, encodeToken, type StoredToken } from '../../server/oauth/token-record.ts'

const plain: StoredToken = {
  ...{
    clientId: 'tk_a',
    tenantId: 'ten_a',
    scope: 'a:b',
    audience: 'https://a.example',
    iat: 100,
    exp: 3700,
    epoch: 2,
  },
  ...{ jkt: undefined, delegation: undefined, workload: undefined, act: undefined, lineage: undefined },
}
const delegation = { memberId: 'mem_a', consentRef: 'ref', consentEpoch: 0, familyId: 'fam' }
const workload = {
  ...{ iss: 'https://issuer.example', sub: 'job', claims: { sub: 'job', ids: ['1'] } },
  ...{ providerId: 'wp_a', bindingId: 'bind_a', bindingRef: 'ref', bindingEpoch: 0 },
}
const act = { iss: 'https://issuer.example', sub: 'job' }
const lineage = { depth: 1, parents: [{ digest: 'd', clientRef: 'c' }] }

test.each<[string, StoredToken]>([
  ['a client for itself', plain],
  ['bound', { ...plain, jkt: 'thumbprint' }],
  ['of a person', { ...plain, delegation }],
  ['of a workload', { ...plain, workload, act }],
  ['of a workload, bound', { ...plain, jkt: 'thumbprint', workload, act }],
  ["made of a person's", { ...plain, delegation, act, lineage }],
])('%s: what is read is what was written', (_, token) => {
  expect(decodeToken(encodeToken(token))).toEqual(token)
})

test('records of before are read as they were meant', () => {
  const before = ['tk_a', 'ten_a', 'a:b', 'https://a.example', 100, 3600, 2]
  expect(decodeToken(JSON.stringify(before))).toEqual(plain)
  expect(decodeToken(JSON.stringify([...before, '', 'mem_a', 'ref', 0, 'fam']))).toEqual({ ...plain, delegation })
})

test('a plain one stays as small as it was', () => {
  expect(encodeToken(plain)).toBe('["tk_a","ten_a","a:b","https://a.example",100,3600,2]')
})
