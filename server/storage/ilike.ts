/** Prisma compares without regard to case by ILIKE, to which `%` would be everything: here it is what was typed. */
export const literally = (text: string): string => text.replace(/[\\%_]/g, '\\$&')

/** A part of a text, in any case. */
export const containing = (text: string) => ({ contains: literally(text), mode: 'insensitive' as const })
