import { expect, test } from 'vitest'
import { resolveByDns } from '../../server/outbound/resolve-host.ts'
import { nameServer, type Zone } from './name-server.ts'

const distant = new AbortController().signal
const loopback6 = Buffer.from([...Array<number>(15).fill(0), 1])

const resolvedIn = async (zone: Zone) => resolveByDns([(await nameServer(zone)).address])('origin.test', distant)

test('DNS: all addresses of both families', async () => {
  expect(await resolvedIn({ a: ['192.0.2.1', '10.0.0.1'], aaaa: [loopback6] })).toEqual([
    '192.0.2.1',
    '10.0.0.1',
    '::1',
  ])
})

test('DNS: those of one family, if there are no others', async () => {
  expect(await resolvedIn({ a: ['192.0.2.1'], aaaa: [] })).toEqual(['192.0.2.1'])
  expect(await resolvedIn({ a: [], aaaa: [loopback6] })).toEqual(['::1'])
})

test('DNS: none at all', async () => {
  await expect(resolvedIn({ a: [], aaaa: [] })).rejects.toMatchObject({ code: 'ENODATA' })
})

test('DNS: a server that never answers is left at the deadline', async () => {
  const { address, asked } = await nameServer({})
  const deadline = new AbortController()
  const resolved = resolveByDns([address])('origin.test', deadline.signal)
  await asked
  deadline.abort()
  await expect(resolved).rejects.toMatchObject({ code: 'ECANCELLED' })
})
