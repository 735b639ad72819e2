import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evaluateConditions } from '../../server/workload-identity/conditions.ts'
import { matchesGlob } from '../../server/workload-identity/glob.ts'
import { type Claims, type Condition, type ConditionValue, PLATFORMS } from '../../server/workload-identity/model.ts'
import { presetOf } from '../../server/workload-identity/presets/index.ts'

const oidc = presetOf('oidc')
const holds = (condition: Condition, claims: Claims, preset = oidc): boolean | undefined =>
  evaluateConditions(preset, [condition], claims)[0]?.held

const equals = (claim: string, value: ConditionValue): Condition => ({ claim, op: 'equals', value })

describe('equals and one_of', () => {
  const values = fc.oneof(fc.string(), fc.double(), fc.boolean())

  test('hold for the very same value of the very same type, and nothing else', () => {
    fc.assert(
      fc.property(values, values, (wanted, got) => {
        expect(holds(equals('c', wanted), { c: got })).toBe(wanted === got)
        expect(holds({ claim: 'c', op: 'one_of', value: [wanted] }, { c: got })).toBe(wanted === got)
      }),
    )
  })

  test.each<[ConditionValue, unknown]>([
    ['74', 74],
    [74, '74'],
    ['true', true],
    [true, 'true'],
    [1, true],
    ['', null],
    ['main', 'Main'],
    ['main', ' main'],
    ['main', 'main\n'],
    ['é', 'e\u0301'], // the same to the eye
    ['main', { toString: () => 'main' }],
    ['main', ['main']],
  ])('%j is not %j', (wanted, got) => {
    expect(holds(equals('c', wanted), { c: got })).toBe(false)
    expect(holds({ claim: 'c', op: 'one_of', value: ['other', wanted] }, { c: got })).toBe(false)
  })

  test('one_of holds for each of its values', () => {
    const condition: Condition = { claim: 'c', op: 'one_of', value: ['a', 2, false] }
    expect(['a', 2, false].map((c) => holds(condition, { c }))).toEqual([true, true, true])
    expect(['b', '2', true].map((c) => holds(condition, { c }))).toEqual([false, false, false])
  })
})

describe('what is not there never matches', () => {
  const CONDITIONS: readonly Condition[] = [
    equals('c', 'undefined'),
    { claim: 'c', op: 'one_of', value: ['undefined', 'null', ''] },
    { claim: 'c', op: 'prefix', value: 'u' },
    { claim: 'c', op: 'glob', value: '*' },
  ]
  test.each(CONDITIONS)('$op', (condition) => {
    for (const claims of [{}, { c: undefined }, { c: null }, { c: {} }, { c: [] }]) {
      expect(holds(condition, claims)).toBe(false)
    }
  })

  test.each(['__proto__', 'constructor', 'toString', '/__proto__/x', '/a/constructor/name', '/a/__proto__'])(
    'a claim named %s is an own member or none',
    (claim) => {
      expect(holds({ claim, op: 'glob', value: '*' }, { a: {} })).toBe(false)
      expect(evaluateConditions(oidc, [equals(claim, 'x')], { a: {} })[0]?.got).toBeUndefined()
    },
  )

  test('an own member called __proto__ is a claim like any other', () => {
    expect(holds(equals('__proto__', 'x'), JSON.parse('{"__proto__":"x"}'))).toBe(true)
  })

  test('an operation that this node does not know does not hold', () => {
    expect(holds({ claim: 'c', op: 'regex', value: '.*' } as never, { c: 'x' })).toBe(false)
  })
})

describe('nested claims, by RFC 6901 pointer', () => {
  const claims = {
    'kubernetes.io': { namespace: 'shop', 'a/b': { 'm~n': 'deep' }, list: ['x'] },
    'a/b': 'top',
    '': 'no',
  }

  test.each([
    ['/kubernetes.io/namespace', 'shop'],
    ['/kubernetes.io/a~1b/m~0n', 'deep'],
    ['/a~1b', 'top'],
    ['a/b', 'top'],
  ])('§4: %s is %s', (claim, value) => expect(holds(equals(claim, value), claims)).toBe(true))

  test.each([
    '/kubernetes.io',
    '/kubernetes.io/namespace/0',
    '/kubernetes.io/list/0',
    '/kubernetes.io/a/b',
    '/',
    '/a~2b',
  ])('%s leads nowhere', (claim) => expect(holds({ claim, op: 'glob', value: '*' }, claims)).toBe(false))

  test('a name without a slash before it is one claim, whatever is in it', () => {
    expect(holds(equals('kubernetes.io.namespace', 'shop'), claims)).toBe(false)
    expect(holds(equals('oidc.circleci.com/org-id', 'o'), { 'oidc.circleci.com/org-id': 'o' })).toBe(true)
  })
})

describe('lists', () => {
  const circleci = presetOf('circleci')
  const contexts = 'oidc.circleci.com/context-ids'

  test('one element is enough, where the platform has a list', () => {
    expect(holds(equals(contexts, 'b'), { [contexts]: ['a', 'b'] }, circleci)).toBe(true)
    expect(holds({ claim: contexts, op: 'one_of', value: ['c', 'a'] }, { [contexts]: ['a'] }, circleci)).toBe(true)
    expect(holds(equals(contexts, 'c'), { [contexts]: ['a', 'b', ['c']] }, circleci)).toBe(false)
  })

  test('patterns never look into them', () => {
    for (const op of ['prefix', 'glob'] as const) {
      expect(holds({ claim: contexts, op, value: 'a' }, { [contexts]: ['a'] }, circleci)).toBe(false)
    }
  })

  test('anywhere else a list is two things at once, and matches nothing', () => {
    const github = presetOf('github-actions')
    const claims = { ref: ['refs/heads/main', 'refs/heads/evil'] }
    expect(holds(equals('ref', 'refs/heads/main'), claims, github)).toBe(false)
    expect(holds({ claim: 'ref', op: 'one_of', value: claims.ref }, claims, github)).toBe(false)
  })
})

describe('prefix', () => {
  const condition: Condition = { claim: 'sub', op: 'prefix', value: 'repo:octo@65/' }
  test.each([
    ['repo:octo@65/shop@74:ref:refs/heads/main', true],
    ['repo:octo@65/', true],
    ['repo:octo@65', false],
    ['repo:octo@656/shop@74', false],
    ['Repo:octo@65/', false],
    ['xrepo:octo@65/', false],
    ['x\nrepo:octo@65/', false],
  ])('%j: %s', (sub, held) => expect(holds(condition, { sub })).toBe(held))

  test('an empty one, which is never saved, does not hold either', () => {
    expect(holds({ claim: 'sub', op: 'prefix', value: '' }, { sub: 'x' })).toBe(false)
  })
})

describe('glob', () => {
  test.each([
    ['repo:octo/*:ref:refs/heads/main', 'repo:octo/shop:ref:refs/heads/main', true],
    ['repo:octo/*:ref:refs/heads/main', 'repo:octo/shop:evil:ref:refs/heads/main', false],
    ['repo:octo/*', 'repo:octo/shop', true],
    ['repo:octo/*', 'repo:octo/shop:pull_request', false],
    ['repo:octo/*', 'repo:octopus/shop', false],
    ['*', 'main', true],
    ['*', '', true],
    ['*', 'a/b', false],
    ['*', 'a:b', false],
    ['refs/heads/release-*', 'refs/heads/release-1.2', true],
    ['refs/heads/release-*', 'refs/heads/release-1/evil', false],
    ['refs/heads/*-*', 'refs/heads/a-b-c', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'acb', false],
    ['a*a', 'a', false],
    ['ab*ba', 'aba', false],
    ['**', 'anything', true],
    ['**', 'a/b', false],
    ['main', 'main', true],
    ['main', 'mainx', false],
    ['main', 'xmain', false],
    ['ma?n', 'main', false],
    ['[m]ain', 'main', false],
    ['{main,dev}', 'main', false],
    ['ma.n', 'main', false],
    ['main|dev', 'dev', false],
    ['*', 'two\nlines', true],
    ['a/*', 'a:b', false],
  ])('%j and %j: %s', (pattern, text, held) => expect(matchesGlob(pattern, text)).toBe(held))

  const plain = fc.string().map((text) => text.replaceAll('*', '+'))
  const piece = fc.stringMatching(/^[^:/*]{0,8}$/)

  test('without a star it is equality', () => {
    const isEqual = (one: string, other: string) => matchesGlob(one, other) === (one === other)
    fc.assert(fc.property(plain, plain, isEqual))
    fc.assert(fc.property(plain, (text) => isEqual(text, text)))
  })

  test('a star stands for any text in its segment', () => {
    fc.assert(
      fc.property(plain, piece, plain, (before, inside, after) => {
        expect(matchesGlob(`${before}*${after}`, before + inside + after)).toBe(true)
      }),
    )
  })

  test('a star never stands for a separator', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (pattern, text) => {
        const separators = (of: string) => of.replaceAll(/[^:/]/g, '')
        if (matchesGlob(pattern, text)) expect(separators(text)).toBe(separators(pattern))
      }),
    )
  })

  test('agrees with the obvious regular expression', () => {
    const letters = fc.stringMatching(/^[ab*:/]{0,10}$/)
    fc.assert(
      fc.property(letters, fc.stringMatching(/^[ab:/]{0,10}$/), (pattern, text) => {
        const expression = new RegExp(`^${pattern.replaceAll(/\*+/g, '[^:/]*')}$`)
        expect(matchesGlob(pattern, text)).toBe(expression.test(text))
      }),
      { numRuns: 2_000 },
    )
  })

  test('no pattern makes it slow: where backtracking would take for ever it takes milliseconds', () => {
    const pattern = `${'a*'.repeat(255)}b`
    const text = 'a'.repeat(16_000)
    const started = performance.now()
    for (let each = 0; each < 20; each++) expect(matchesGlob(pattern, text)).toBe(false)
    expect(matchesGlob(pattern, `${text}b`)).toBe(true)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

describe('what a preset denies', () => {
  const github = presetOf('github-actions')
  const repository = equals('repository_id', '74')
  const claims = {
    repository_id: '74',
    repository_owner: 'octo',
    job_workflow_ref: 'octo/shop/.github/workflows/x.yml@r',
  }
  const failures = (conditions: Condition[], more: object, preset = github) =>
    evaluateConditions(preset, conditions, { ...claims, ...more })
      .filter(({ held }) => !held)
      .map(({ check }) => check)

  test('a push is fine', () => expect(failures([repository], { event_name: 'push' })).toEqual([]))

  test('pull_request, unless it is named', () => {
    expect(failures([repository], { event_name: 'pull_request' })).toEqual(['event_name denied'])
    for (const named of [
      equals('event_name', 'pull_request'),
      { claim: 'event_name', op: 'one_of', value: ['push', 'pull_request'] } as const,
    ]) {
      expect(failures([repository, named], { event_name: 'pull_request' })).toEqual([])
    }
    const pattern: Condition = { claim: 'event_name', op: 'glob', value: 'pull_*' }
    expect(failures([repository, pattern], { event_name: 'pull_request' })).toEqual(['event_name denied'])
  })

  test('pull_request_target, even if it is named', () => {
    const named = equals('event_name', 'pull_request_target')
    for (const event_name of ['pull_request_target', ['pull_request_target']]) {
      expect(failures([repository], { event_name })).toContain('event_name denied')
    }
    expect(failures([repository, named], { event_name: 'pull_request_target' })).toEqual(['event_name denied'])
  })

  test("another owner's reusable workflow, unless it is named", () => {
    const theirs = 'evil/tools/.github/workflows/x.yml@refs/heads/main'
    expect(failures([repository], { job_workflow_ref: theirs })).toEqual(['job_workflow_ref denied'])
    expect(failures([repository], { job_workflow_ref: 'octopus/x' })).toEqual(['job_workflow_ref denied'])
    expect(failures([repository, equals('job_workflow_ref', theirs)], { job_workflow_ref: theirs })).toEqual([])
  })

  test.each([
    ['gitlab', { pipeline_source: 'merge_request_event' }],
    ['gcp', { email_verified: false }],
    ['vercel', { environment: 'development' }],
    ['circleci', { 'oidc.circleci.com/ssh-rerun': true }],
    ['circleci', { 'oidc.circleci.com/ssh-rerun': 'true' }],
    ['azure', { scp: 'user_impersonation' }],
    ['azure', { idtyp: 'user' }],
    ['azure', { iss: `https://sts.windows.net/${'1'.repeat(8)}-1111-1111-1111-${'1'.repeat(12)}/`, tid: 'other' }],
  ] as const)('%s: %j', (platform, denied) => {
    expect(failures([], denied, presetOf(platform))).toEqual([`${Object.keys(denied).at(-1)} denied`])
  })

  test('says what was wanted and what came, for admins', () => {
    const [, event] = evaluateConditions(github, [repository], { ...claims, event_name: 'pull_request_target' })
    expect(event).toEqual({
      check: 'event_name denied',
      held: false,
      expected: 'not pull_request_target',
      got: 'pull_request_target',
    })
  })
})

describe.each(PLATFORMS)('%s: no claims can break it', (platform) => {
  const preset = presetOf(platform)
  const names = fc.constantFrom(
    ...preset.claims.map(({ claim }) => claim),
    ...preset.denials.map(({ claim }) => claim),
    'iss',
  )
  const hostile = fc.oneof(fc.jsonValue(), fc.constant({ toString: 1, valueOf: 1 }), fc.constant([[null]]))

  test('whatever they are, each condition and denial holds or does not', () => {
    fc.assert(
      fc.property(fc.dictionary(names, hostile), names, fc.string({ minLength: 1 }), (claims, claim, value) => {
        const conditions = [equals(claim, value), { claim, op: 'glob', value } as const]
        return evaluateConditions(preset, conditions, claims).every(({ held }) => typeof held === 'boolean')
      }),
    )
  })
})

describe("GitHub's two forms of sub", () => {
  const classic = 'repo:octo/shop:ref:refs/heads/main'
  const withIds = 'repo:octo@65/shop@74:ref:refs/heads/main'
  const github = presetOf('github-actions')

  test('a condition means the one that it is written in, and never the other', () => {
    for (const [one, other] of [
      [classic, withIds],
      [withIds, classic],
    ] as const) {
      expect(holds(equals('sub', one), { sub: one }, github)).toBe(true)
      expect(holds(equals('sub', one), { sub: other }, github)).toBe(false)
    }
    expect(
      holds({ claim: 'sub', op: 'glob', value: 'repo:octo/*:ref:refs/heads/main' }, { sub: withIds }, github),
    ).toBe(false)
  })

  test('the ids as claims of their own hold for both: a repository that was made anew has another', () => {
    for (const sub of [classic, withIds]) {
      expect(holds(equals('repository_id', '74'), { sub, repository_id: '74' }, github)).toBe(true)
      expect(holds(equals('repository_id', '74'), { sub, repository_id: '99' }, github)).toBe(false)
    }
  })
})
