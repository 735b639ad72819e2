import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRegisteredRedirectUri, redirectKind, wrongRedirectUri } from '../../server/oauth/redirect-uri.ts'

describe('what may be registered (RFC 6749 §3.1.2, RFC 8252)', () => {
  test.each([
    ['https://app.example/cb', 'https'],
    ['https://app.example:8443/cb?a=b@c', 'https'],
    ['http://127.0.0.1/cb', 'loopback'],
    ['http://[::1]:8080/cb', 'loopback'],
    ['http://localhost:3000/', 'loopback'],
    ['com.example.app:/cb', 'private_use'],
  ])('%s is %s', (uri, kind) => {
    expect(redirectKind(uri)).toBe(kind)
  })

  test.each([
    ...['http://app.example/cb', 'https://localhost/cb', 'https://app.example/cb#f', 'https://app.example/cb#'],
    ...['https://user@app.example/', 'https://@app.example/', 'https:app.example/cb', 'https:/app.example/cb'],
    ...['HTTPS://app.example/cb', 'https://APP.example/cb', 'https://app.example\\cb', 'https://app.example/ü'],
    ...['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'blob:https://a.b/c', 'myapp:/cb', ''],
    ...['https://app.example/c b', ' https://app.example/', 'https://app.example/\n', '//app.example/', '/cb'],
  ])('%j is nothing', (uri) => {
    expect(redirectKind(uri)).toBeUndefined()
    expect(wrongRedirectUri(uri, 'public')).toMatch(/https/)
  })

  test('RFC 8252 §8.4: what runs on a person’s machine is public', () => {
    for (const uri of ['http://127.0.0.1/cb', 'com.example.app:/cb']) {
      expect(wrongRedirectUri(uri, 'public')).toBeUndefined()
      expect(wrongRedirectUri(uri, 'confidential')).toMatch(/public/)
    }
    expect(wrongRedirectUri('https://app.example/cb', 'confidential')).toBeUndefined()
  })
})

describe('what is registered (RFC 9700 §2.1): to the letter', () => {
  const registered = ['https://app.example/cb', 'http://127.0.0.1:1234/cb', 'http://localhost']

  test('but for the port of a loopback address (RFC 8252 §7.3)', () => {
    for (const uri of ['http://127.0.0.1/cb', 'http://127.0.0.1:65000/cb', 'http://localhost:1', 'http://localhost/']) {
      expect(isRegisteredRedirectUri(registered, uri), uri).toBe(true)
    }
    for (const uri of [
      'http://[::1]:1234/cb',
      'http://127.0.0.1/cb/',
      'http://127.0.0.1.evil.example/cb',
      'http://127.0.0.1:1@evil.example/cb',
      'http://localhost.evil.example',
      'http://127.0.0.1:x/cb',
      'http://127.0.0.1:70000/cb',
      'http://127.1/cb',
      'https://127.0.0.1/cb',
    ]) {
      expect(isRegisteredRedirectUri(registered, uri), uri).toBe(false)
    }
  })

  test('whatever else is presented is not', () => {
    const near = fc
      .tuple(fc.constantFrom(...registered), fc.nat(), fc.string({ minLength: 1, maxLength: 3 }))
      .map(([uri, at, text]) => uri.slice(0, at % (uri.length + 1)) + text + uri.slice(at % (uri.length + 1)))
    fc.assert(
      fc.property(near, (uri) => {
        const loopbackPort = /^http:\/\/(127\.0\.0\.1|localhost)(:\d{1,5})?(\/cb|\/)?$/.test(uri)
        return loopbackPort || !isRegisteredRedirectUri(registered, uri)
      }),
      { numRuns: 2_000 },
    )
  })
})
