import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MODES } from '../../server/mode/mode.ts'
import { accountPage } from '../../server/sign-in/pages/account/page.ts'
import { consentPage } from '../../server/sign-in/pages/consent.ts'
import { pagePolicy } from '../../server/sign-in/pages/content-security-policy.ts'
import { scopeInWords } from '../../server/sign-in/pages/scope-words.ts'
import { signInPage } from '../../server/sign-in/pages/sign-in.ts'
import { STATIC_FILES } from '../../server/sign-in/pages/static-files.ts'
import { userAgentInWords } from '../../server/sign-in/pages/user-agent-words.ts'
import { BUILT_IN_SCOPES } from '../../server/tenancy/scopes.ts'
import { elements, forms, rawText, tags, text, texts } from './markup.ts'
import { ACCOUNT, CONSENT, PAGES, SIGN_IN } from './page-fixtures.ts'

/** The props with every string in them, at any depth, replaced. */
function filled<Props>(props: Props, value: string): Props {
  if (typeof props === 'string') return value as Props
  if (typeof props !== 'object' || props === null || props instanceof Date) return props
  if (Array.isArray(props)) return props.map((item) => filled(item, value)) as Props
  return Object.fromEntries(
    Object.entries(props).map(([name, item]) => [name, name === 'mode' ? item : filled(item, value)]),
  ) as Props
}

/** Tags and their attributes' names. What depends on a value being a URL, a host or its own words is left out. */
const skeleton = (markup: string) =>
  tags(markup)
    .filter(({ name }) => !['a', 'code', 'wbr'].includes(name))
    .map(({ name, closes, attributes }) => [name, closes, Object.keys(attributes)])

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc
        .constantFrom(
          '<',
          '>',
          '"',
          "'",
          '&',
          '/',
          '=',
          ' ',
          '\n',
          '`',
          '<script>',
          '</title>',
          '</script>',
          '-->',
          ']]>',
        )
        .chain((piece) => fc.constantFrom(piece, `${piece}x`, 'onerror=', 'javascript:', '<img src=x ', '&lt;', '\0')),
      { maxLength: 12 },
    )
    .map((pieces) => pieces.join('')),
)

describe.each(PAGES)('$name', ({ props, view, ofApp }) => {
  const markup = view(props)

  test('nothing that is put in becomes markup', () => {
    const harmless = skeleton(view(filled(props, 'harmless')))
    fc.assert(
      fc.property(hostile, (value) => {
        const attacked = view(filled(props, value))
        expect(skeleton(attacked)).toEqual(harmless)
        expect(rawText(attacked)).not.toMatch(/[<>"']/)
      }),
      { numRuns: 150 },
    )
  })

  test('no inline script or style, no handler, nothing from elsewhere: what its policy allows', () => {
    for (const { name, attributes } of tags(markup)) {
      expect(name).not.toBe('style')
      for (const attribute of Object.keys(attributes)) expect(attribute).not.toMatch(/^(style|on.*|srcset|srcdoc)$/)
      for (const path of [attributes.src, name === 'link' ? attributes.href : undefined]) {
        if (path !== undefined && path !== 'data:,') expect([...STATIC_FILES.keys()]).toContain(path)
      }
    }
    expect(texts(markup, 'script').join('')).toBe('')
    for (const { src } of elements(markup, 'script')) expect(src).toBeDefined()
  })

  test('every form is a POST that proves where it came from', () => {
    expect(forms(markup)).toHaveLength(elements(markup, 'form').length)
    for (const form of forms(markup)) {
      expect(elements(form, 'form')[0]).toMatchObject({ method: 'post', action: expect.stringMatching(/^\/\w/) })
      const proofs = elements(form, 'input').filter(({ name }) => name === 'csrf' || name === 'xsrf')
      expect(proofs).toEqual([expect.objectContaining({ type: 'hidden', value: 'csrf-value' })])
      expect(elements(form, 'button').every(({ type }) => type === undefined)).toBe(true)
    }
  })

  test('WCAG 2.2 §1.3.1, §3.3.2: each field has its label, each reference its target, no id is given twice', () => {
    const ids = tags(markup).flatMap(({ attributes }) => attributes.id ?? [])
    expect(new Set(ids).size).toBe(ids.length)
    const labelled = elements(markup, 'label').map((label) => label.for)
    for (const { type, id } of elements(markup, 'input').filter(({ type }) => type !== 'hidden')) {
      expect(labelled, `${type} ${id}`).toContain(id)
    }
    for (const { attributes } of tags(markup)) {
      for (const name of ['for', 'aria-describedby', 'aria-labelledby']) {
        if (attributes[name] !== undefined) expect(ids).toContain(attributes[name])
      }
    }
  })

  test('WCAG 2.2 §2.4.2, §3.1.1, §1.3.1: a title, a language, one h1, a main', () => {
    expect(elements(markup, 'html')).toEqual([{ lang: 'en' }])
    expect([elements(markup, 'h1').length, elements(markup, 'main').length]).toEqual([1, 1])
    const [title] = texts(markup, 'title')
    expect(title).toMatch(/\S – Keycourt$/)
    if (ofApp) expect(title).toContain('Parcel Desk')
    expect(elements(markup, 'meta')).toContainEqual({
      name: 'viewport',
      content: 'width=device-width, initial-scale=1',
    })
  })

  test('says so in test mode, and only then', () => {
    const banner = 'Test mode — nothing here touches live data'
    for (const mode of MODES) expect(text(view({ ...props, mode })).includes(banner)).toBe(mode === 'test')
  })
})

describe('sign-in', () => {
  test('what went wrong is announced, is in the title, and belongs to the fields; the password never comes back', () => {
    const markup = signInPage(SIGN_IN)
    expect(texts(markup, 'title')[0]).toMatch(/^Error: /)
    expect(elements(markup, 'p')).toContainEqual({ class: 'alert', role: 'alert', id: 'error' })
    expect(text(markup)).toContain('Wrong email or password. Try again in 30 seconds.')
    const [email, password] = elements(markup, 'input').filter(({ type }) => type !== 'hidden')
    expect(email).toMatchObject({
      value: SIGN_IN.email,
      autocomplete: 'username webauthn',
      'aria-describedby': 'error',
    })
    expect(password).toMatchObject({ autocomplete: 'current-password', 'aria-describedby': 'error' })
    expect(password).not.toHaveProperty('value')
  })

  test('is whole without an app, a tenant, a passkey or an error', () => {
    const { mode, csrf, action } = SIGN_IN
    const markup = signInPage({ mode, csrf, action })
    expect(forms(markup)).toHaveLength(1)
    expect(elements(markup, 'script')).toEqual([])
    expect(texts(markup, 'title')).toEqual(['Sign in to your account – Keycourt'])
    expect(markup).not.toMatch(/undefined|aria-describedby/)
  })

  test('passkeys are hidden until the script shows them, and their options arrive as they were', () => {
    const [region] = elements(signInPage(SIGN_IN), 'div').filter((attributes) => 'data-passkey' in attributes)
    expect(region).toMatchObject({ hidden: '', 'data-passkey': 'get' })
    expect(JSON.parse(region?.['data-options'] ?? '')).toEqual(SIGN_IN.passkeyOptions)
  })

  test.each([
    [1, '1 second'],
    [59.2, '60 seconds'],
    [120, '2 minutes'],
    [121, '3 minutes'],
  ])('a wait of %d s is "%s", never less than it is', (retryAfter, words) => {
    expect(text(signInPage({ ...SIGN_IN, retryAfter }))).toContain(`Try again in ${words}.`)
  })
})

describe('consent', () => {
  test('names the app, the tenant, the account, where it leads, what for, and for how long', () => {
    const shown = text(consentPage(CONSENT))
    for (const said of [
      ...['Parcel Desk', 'Northwind Logistics', 'ada@northwind.example', 'desk.parcel.example', 'Orders'],
      ...['https://orders.example', 'See API keys', 'Know who you are', 'until you withdraw it, at most 90 days'],
    ]) {
      expect(shown).toContain(said)
    }
  })

  test('Allow and Deny are two values of one decision', () => {
    const decisions = elements(consentPage(CONSENT), 'button').filter(({ name }) => name === 'decision')
    expect(decisions.map(({ value }) => value)).toEqual(['allow', 'deny'])
  })

  test('an app that registered itself is shown by its host, one that the tenant knows is not', () => {
    const { app } = CONSENT
    expect(texts(consentPage(CONSENT), 'p')).toContain('desk.parcel.example')
    const known = consentPage({ ...CONSENT, app: { ...app, unverified: false } })
    expect(texts(known, 'p')).not.toContain('desk.parcel.example')
  })

  test.each(['javascript:alert(1)', 'data:text/html,x', 'http://parcel.example', '//parcel.example', 'parcel', ''])(
    'a homepage of "%s" is no link',
    (homepage) => {
      expect(elements(consentPage({ ...CONSENT, app: { ...CONSENT.app, homepage } }), 'a')).toEqual([])
    },
  )

  test('a name of others is set apart, so that a right-to-left override ends with it', () => {
    const name = 'evil\u202Etfosorcim'
    const markup = consentPage({ ...CONSENT, app: { ...CONSENT.app, name } })
    const body = markup.slice(markup.indexOf('<main>'))
    expect(body.split(name).length).toBe(body.split(`<bdi class="name">${name}</bdi>`).length)
  })

  test.each(['localhost:4000', '127.0.0.1:53682', '[::1]:9'])('%s is this device', (redirectHost) => {
    const shown = text(consentPage({ ...CONSENT, app: { ...CONSENT.app, redirectHost } }))
    expect(shown).toContain(`a program on this device (${redirectHost})`)
  })

  test.each(['localhost.evil.example', '127.0.0.1.evil.example'])('%s is not', (redirectHost) => {
    expect(text(consentPage({ ...CONSENT, app: { ...CONSENT.app, redirectHost } }))).not.toContain('this device')
  })
})

describe('account', () => {
  test('WCAG 2.2 §2.4.6: to the ear each button says which record it is about', () => {
    const labels = texts(accountPage(ACCOUNT), 'button').filter((label) => label !== 'Save')
    expect(new Set(labels).size).toBe(labels.length)
    expect(labels).toEqual(
      expect.arrayContaining([
        'Withdraw access of Postman',
        'Remove Laptop',
        'Sign out Chrome on Windows at 203.0.113.8',
      ]),
    )
  })

  test('the session that asks ends by signing out only', () => {
    const ended = forms(accountPage(ACCOUNT))
      .filter((form) => elements(form, 'form')[0]?.action === ACCOUNT.actions.endSession)
      .flatMap((form) => elements(form, 'input').filter(({ name }) => name === 'id'))
    expect(ended.map(({ value }) => value)).toEqual(['s2', 's3'])
  })

  test('asking for a passkey is turned off where it is on, and can be turned on only with one', () => {
    const offered = (props: Partial<typeof ACCOUNT>) =>
      elements(accountPage({ ...ACCOUNT, ...props }), 'button').flatMap(({ name, value }) =>
        name === 'required' ? [value] : [],
      )
    expect(offered({ passkeyRequired: true })).toEqual(['false'])
    expect(offered({ passkeyRequired: false })).toEqual(['true'])
    expect(offered({ passkeyRequired: false, passkeys: [] })).toEqual([])
    expect(offered({ passkeyRequired: true, passkeys: [] })).toEqual(['false'])
  })

  test('has words for nothing at all', () => {
    const shown = text(accountPage({ ...ACCOUNT, sessions: [], consents: [], passkeys: [] }))
    expect(shown).toContain('No app has access in your name.')
    expect(shown).toContain('None yet.')
  })
})

describe('the policy of the pages', () => {
  test('nothing but what they load, and no frame', () => {
    const policy = pagePolicy()
    expect(policy).toMatch(/^default-src 'none'; /)
    for (const directive of ["frame-ancestors 'none'", "base-uri 'none'", "script-src 'self'", "form-action 'self'"]) {
      expect(policy.split('; ')).toContain(directive)
    }
    expect(policy).not.toMatch(/unsafe|\*/)
  })

  test.each([
    ['https://app.example/cb', "'self' https:"],
    ['http://[::1]:9/cb', "'self' http:"],
    ['com.example.app:/cb', "'self' com.example.app:"],
    ["https://a;script-src'unsafe-inline'/cb", "'self' https:"],
    ['no url; script-src *', "'self'"],
  ])('a form may lead to %s by its scheme, which adds no directive', (redirectUri, sources) => {
    expect(pagePolicy(redirectUri).split('; ').slice(0, -1)).toEqual(pagePolicy().split('; ').slice(0, -1))
    expect(pagePolicy(redirectUri).split('; ').at(-1)).toBe(`form-action ${sources}`)
  })
})

describe('scopes in words', () => {
  test.each(BUILT_IN_SCOPES)('%s has words of its own', (scope) => {
    expect(scopeInWords(scope)).toMatch(/^[A-Z][a-z]+,? /)
  })

  test('no two have the same', () => {
    expect(new Set(BUILT_IN_SCOPES.map(scopeInWords)).size).toBe(BUILT_IN_SCOPES.length)
  })

  test.each([
    ['openid', 'Know who you are'],
    ['orders:read', 'orders: read'],
    ['constructor', 'constructor'],
  ])('%s is "%s"', (scope, words) => expect(scopeInWords(scope)).toBe(words))
})

test.each([
  [
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    'Chrome on Linux',
  ],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0',
    'Edge on Windows',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.0 Safari/605.1.15',
    'Safari on macOS',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1',
    'Safari on iPhone',
  ],
  ['Mozilla/5.0 (Android 16; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0', 'Firefox on Android'],
  ['curl/8.14.1', 'curl/8.14.1'],
  ['', 'An unnamed program'],
  ['x'.repeat(500), `${'x'.repeat(60)}…`],
])('the user agent %s is "%s"', (userAgent, words) => expect(userAgentInWords(userAgent)).toBe(words))
