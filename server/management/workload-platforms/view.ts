import { z } from 'zod'
import { PLATFORMS } from '../../workload-identity/model.ts'
import type { Denial, Pin, Preset } from '../../workload-identity/presets/preset.ts'

const pins = z.array(z.strictObject({ any_of: z.array(z.array(z.string())), words: z.string() }))

const seconds = z.int().meta({ description: 'seconds' })

export const platformAnswer = z
  .strictObject({
    platform: z.enum(PLATFORMS),
    title: z.string(),
    summary: z.string(),
    default_issuer: z.string().nullable(),
    issuers: z.array(
      z.strictObject({
        form: z.string(),
        words: z.string(),
        shared: z.boolean(),
        must_pin: pins,
        should_pin: pins,
      }),
    ),
    algorithms: z.array(z.string()),
    max_lifetime: seconds,
    max_age: seconds,
    single_use: z.boolean(),
    claims: z.array(
      z.strictObject({
        claim: z.string(),
        trust: z.enum(['id', 'steady', 'name', 'chosen']),
        words: z.string(),
        list: z.boolean(),
      }),
    ),
    denials: z.array(z.strictObject({ claim: z.string(), words: z.string(), unless_named: z.boolean() })),
  })
  .meta({ id: 'WorkloadPlatform' })

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
