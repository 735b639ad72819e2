import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { SUBSCRIBABLE } from '../../webhooks/events.ts'
import { wrongReceiverUrl } from '../../webhooks/receiver-url.ts'
import type { Caller } from '../caller.ts'
import { description } from '../fields.ts'
import type { OperationNeeds } from '../operation.ts'
import { withinPower } from '../power.ts'

export const webhookFields = {
  url: z.string(),
  events: z
    .array(z.enum(SUBSCRIBABLE, 'an event of the catalogue, or * for all'))
    .min(1, 'at least one')
    .max(SUBSCRIBABLE.length, `at most ${SUBSCRIBABLE.length}`)
    .transform((events) => [...new Set(events)]),
  description: description.nullish(),
}

/** @throws {ApiError} validation_failed */
export function refuseWrongUrl(url: string | undefined, { webhooks }: OperationNeeds): void {
  const detail = url === undefined ? undefined : wrongReceiverUrl(url, webhooks.allowance)
  if (detail) throw new ApiError('validation_failed', { fields: [{ pointer: '/url', detail }] })
}

/**
 * A webhook passes on what the audit log says: who has it sent somewhere may read it.
 * @throws {ApiError} insufficient_scope
 */
export const mustReadAuditLogs = (caller: Caller): void => void withinPower(caller, ['audit-logs:read'])
