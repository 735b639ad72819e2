import type { Denial, Pin, Preset } from '../../workload-identity/presets/preset.ts'

/** A preset as a user interface shows it. */
export const viewOfPreset = (preset: Preset) => ({
  platform: preset.platform,
  title: preset.title,
  summary: preset.summary,
  default_issuer: preset.defaultIssuer ?? null,
  issuers: preset.issuers.map(({ form, words, shared, pins, advised }) => ({
    ...{ form, words, shared },
    must_pin: pins.map(viewOfPin),
    should_pin: advised.map(viewOfPin),
  })),
  algorithms: preset.algorithms,
  max_lifetime: preset.maxLifetime,
  max_age: preset.maxAge,
  single_use: preset.singleUse,
  claims: preset.claims.map(({ claim, trust, words, list = false }) => ({ claim, trust, words, list })),
  denials: preset.denials.map(viewOfDenial),
})

/** Any one of the ways will do; each is the claims that it takes. */
const viewOfPin = ({ anyOf, words }: Pin) => ({ any_of: anyOf.map((way) => way.map(({ claim }) => claim)), words })

const viewOfDenial = ({ claim, words, unlessNamed }: Denial) => ({
  claim,
  words,
  unless_named: unlessNamed !== undefined,
})
