import { type Browser, createBrowser } from './acting/browser.ts'
import type { Send } from './acting/http.ts'
import type { Discovered, Metadata } from './discovery.ts'
import { NotOffered } from './judge.ts'
import type { Profile } from './profile.ts'

/** What a check has at hand: the server as the outside knows it, and a browser in which somebody is signed in. */
export interface Context {
  readonly issuer: string
  readonly profile: Profile
  readonly discovered: Discovered
  readonly metadata: Metadata
  readonly send: Send
  readonly browser: Browser
  /** What the profile gives under this name. */
  the<Name extends keyof Profile>(name: Name): NonNullable<Profile[Name]>
  /** An endpoint's URL by its name in the metadata. */
  url(name: string): string
}

interface Needs {
  readonly issuer: string
  readonly profile: Profile
  readonly discovered: Discovered
  readonly send: Send
}

export function createContext({ issuer, profile, discovered, send }: Needs): Context {
  const { metadata } = discovered
  return {
    ...{ issuer, profile, discovered, metadata, send },
    browser: createBrowser(send, profile.public_client?.sign_in ?? {}),
    the(name) {
      const value = profile[name]
      if (value === undefined) throw new NotOffered(`the profile gives no ${name}`)
      return value as NonNullable<typeof value>
    },
    url(name) {
      const value = metadata[name]
      if (typeof value !== 'string') throw new NotOffered(`the metadata names no ${name}`)
      return value
    },
  }
}
