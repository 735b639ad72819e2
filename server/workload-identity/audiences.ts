/** What others take tokens for as well: whoever gets one there could present it here, and the other way round. */
const SHARED: readonly { readonly pattern: RegExp; readonly words: string }[] = [
  { pattern: /^sts\.amazonaws\.com(?:\.cn)?$/, words: 'AWS takes it for its roles' },
  { pattern: /^api:\/\/AzureADTokenExchange/i, words: 'Azure takes it for its identities' },
  { pattern: /^https:\/\/iam\.googleapis\.com\//, words: 'Google Cloud takes it for its identities' },
  { pattern: /^(?:sigstore|pypi|testpypi|npm:.*)$/, words: 'package registries take it for their publishers' },
  { pattern: /^https:\/\/github\.com\/[^/]+\/?$/, words: 'it is what GitHub says where nobody asked for an audience' },
  { pattern: /^https:\/\/kubernetes\.default\.svc/, words: 'it is the API server of every cluster' },
]

/** Why an audience is no good, if it isn't. */
export const wrongAudience = (audience: string): string | undefined => {
  const shared = SHARED.find(({ pattern }) => pattern.test(audience))
  return shared && `an audience that is ours alone: ${shared.words}`
}
