/** Seconds that a browser stays signed in. */
export const SESSION_LIFETIME = 14 * 24 * 3600

/** Seconds that a person has to sign in and agree. */
export const INTERACTION_LIFETIME = 3600
