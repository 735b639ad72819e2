import { describe, expect, test } from 'vitest'
import { isChosenClientId, isChosenSecret, parseChosenCredential } from '../../server/credentials/chosen-credential.ts'
import { newPublicId, newRecordId } from '../../server/credentials/format.ts'

describe('seed: knox-manage-api-clients: “This must be under 50 characters”', () => {
  test.each(['a', 'x'.repeat(49), 'My client', 'a:b/c?d#e', "it's + 100%", 'tkx', 'aKb', 'postman-1'])('%s', (id) => {
    expect(isChosenClientId(id)).toBe(true)
  })

  test.each(['', ' ', 'x'.repeat(50), ' a', 'a ', 'a\tb', 'a\nb', 'a\u0000b', 'ä', 'a\u007fb', 'a\u00a0b'])(
    'not %j',
    (id) => expect(isChosenClientId(id)).toBe(false),
  )

  const ours = ['tk', 'TK_x', 'tk_live_x', 'pk_live_x', 'su_x', 'app_x', 'AKEx', 'akex', 'st_x', 'kc_x', 'kr_x', 'cs_x']
  test.each([...ours, 'kp_live_x', 'http://a', 'https://a', 'HTTPS://a', `tk_${newPublicId()}`])(
    'nor what looks like ours: %s',
    (id) => expect(isChosenClientId(id)).toBe(false),
  )

  test('RFC 9700 §4.15.1: nor the id of a person, or of any record', () => {
    for (const kind of ['mem', 'key', 'client', 'ten']) expect(isChosenClientId(newRecordId(kind))).toBe(false)
  })
})

describe('seed: knox-manage-api-clients: “between 8 and 30 characters … letters, numbers, and at least one special”', () => {
  test.each(['Abcdef1!', `a1!${'x'.repeat(27)}`, '1-------a', 'p4ss:word', '100%+x=y'])('%s', (secret) => {
    expect(isChosenSecret(secret)).toBe(true)
  })

  const lacking = ['Abcde1!', 'abcdefgh1', 'abcdefgh!', '12345678!', '!!!!!!!!', 'abcd 123!', 'äbcdef1!', 'abcdef1!\n']
  test.each([...lacking, `a1!${'x'.repeat(28)}`, '', 'abc\u0000def1!'])('not %j', (secret) => {
    expect(isChosenSecret(secret)).toBe(false)
  })

  test('both, or it is no credential', () => {
    expect(parseChosenCredential('me', 'Abcdef1!')).toEqual({
      ...{ kind: 'chosen_secret', clientId: 'me', secret: 'Abcdef1!' },
    })
    expect(parseChosenCredential('me', 'short')).toBeUndefined()
    expect(parseChosenCredential('tk_me', 'Abcdef1!')).toBeUndefined()
  })
})
