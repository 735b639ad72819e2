import { hash } from 'node:crypto'

/** RFC 9110 §8.8.3: the entity tag of exactly this content, quotes included. */
export const strongTag = (content: string): string => `"${hash('sha256', content, 'base64url')}"`
