/** Characters. NIST SP 800-63B §3.1.1.2 asks for 8 where there is a second factor, and 15 where there never is one. */
export const SHORTEST_PASSWORD = 12
export const LONGEST_PASSWORD = 128

/** What is wrong with a password that somebody chose, in words; undefined: nothing. */
export function wrongPassword(password: string, repeated: string): string | undefined {
  const { length } = [...password]
  if (length < SHORTEST_PASSWORD) return `A password has at least ${SHORTEST_PASSWORD} characters.`
  if (length > LONGEST_PASSWORD) return `A password has at most ${LONGEST_PASSWORD} characters.`
  return password === repeated ? undefined : 'The two are not the same.'
}
