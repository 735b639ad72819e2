import { expect, test } from 'vitest'
import { addressesOf } from '../../server/command/addresses.ts'
import { readSettings } from '../../server/settings.ts'

test.each([
  ['both loopback addresses of both ports', {}, ['127.0.0.1:3000', '::1:3000', '127.0.0.1:3001', '::1:3001']],
  ['KC_PORT alone', { KC_PORT: '8080' }, ['127.0.0.1:8080', '::1:8080']],
  ['KC_HOST', { KC_PORT: '8080', KC_HOST: '10.0.0.1' }, ['10.0.0.1:8080']],
  ['KC_HOST=localhost', { KC_PORT: '8080', KC_HOST: 'localhost' }, ['127.0.0.1:8080', '::1:8080']],
  [
    'all addresses for public names, whose port is listened on once',
    { KC_LIVE_URL: 'https://api.example.com', KC_SANDBOX_URL: 'https://sandbox.example.com' },
    ['*:443'],
  ],
  [
    'two names of this machine with one port',
    { KC_LIVE_URL: 'http://localhost:3000', KC_SANDBOX_URL: 'http://127.0.0.1:3000' },
    ['127.0.0.1:3000', '::1:3000'],
  ],
])('%s', (_, environment, expected) => {
  const addresses = addressesOf(readSettings(environment))
  expect(addresses.map(({ host, port }) => `${host ?? '*'}:${port}`)).toEqual(expected)
})
