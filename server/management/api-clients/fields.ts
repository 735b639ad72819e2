import { z } from 'zod'
import { isChosenClientId, isChosenSecret } from '../../credentials/chosen-credential.ts'
import { API_CLIENT_PERMISSIONS } from '../../credentials/client.ts'
import { ApiError } from '../../http/problem.ts'

export const clientId = z
  .string()
  .max(49, { error: 'at most 49 characters', abort: true })
  .refine(
    isChosenClientId,
    'visible ASCII characters, spaces between them, and not in the form of an id or credential that is made here',
  )

export const clientSecret = z
  .string()
  .max(30, { error: 'at most 30 characters', abort: true })
  .refine(isChosenSecret, '8 to 30 visible ASCII characters: letters, digits, and at least one special character')

export const permission = z.enum(API_CLIENT_PERMISSIONS)

/** Fewer letters than this are in any secret. */
const TELLING = 3

/** @throws {ApiError} validation_failed */
export function refuseTellingSecret(secret: string, id: string): void {
  if (id.length < TELLING || !secret.toLowerCase().includes(id.toLowerCase())) return
  const detail = 'a secret that does not contain the client_id'
  throw new ApiError('validation_failed', { fields: [{ pointer: '/client_secret', detail }] })
}
