import { STATUS_CODES } from 'node:http'
import type { Response } from 'supertest'
import { expect } from 'vitest'

/** That a response is the RFC 9457 document of an error of the contract's table. */
export function expectProblem(response: Response, status: number, error: string, more: object = {}): void {
  expect([response.status, response.body.error]).toEqual([status, error])
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json(;|$)/)
  expect(response.headers['cache-control']).toBe('no-store')
  expect(response.body).toEqual({
    ...{ type: `urn:keycourt:error:${error}`, title: STATUS_CODES[status], status, error },
    detail: expect.stringMatching(/./),
    request_id: response.headers['x-request-id'],
    ...more,
  })
  expect(response.body.request_id).toMatch(/^req_[0-9A-Za-z]{20}$/)
}

export const expectFields = (response: Response, ...pointers: string[]): void =>
  expectProblem(response, 422, 'validation_failed', {
    fields: pointers.map((pointer) => ({ pointer, detail: expect.stringMatching(/./) })),
  })
