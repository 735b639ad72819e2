import { STATUS_CODES } from 'node:http'
import type { Records } from '../entity-tag.ts'
import type { Operation } from '../operation.ts'
import { answerHeaders } from './headers.ts'
import { operationIdOf, tagOf } from './naming.ts'
import { parametersOf } from './parameters.ts'
import { problemResponsesOf } from './problems.ts'
import type { Schemas } from './schemas.ts'
import { securityOf } from './security.ts'

export interface Surroundings {
  readonly operations: readonly Operation[]
  readonly records: Records
  readonly schemas: Schemas
}

/** OpenAPI 3.1 §4.8.10. */
export function operationObject(operation: Operation, { operations, records, schemas }: Surroundings) {
  const { summary, body } = operation
  return {
    operationId: operationIdOf(operation, operations),
    tags: [tagOf(operation)],
    summary,
    description: descriptionOf(operation),
    security: securityOf(operation),
    parameters: parametersOf(operation, { target: records.target(operation) !== undefined }, schemas),
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: schemas.input(body) } } },
    }),
    responses: {
      ...answersOf(operation, records, schemas),
      ...problemResponsesOf(operation),
    },
  }
}

function descriptionOf({ explanation, requires }: Operation): string {
  const needs = requires === undefined ? 'Needs any credential.' : `Needs the scope \`${requires}\`.`
  return explanation === undefined ? needs : `${explanation}\n\n${needs}`
}

function answersOf(operation: Operation, records: Records, schemas: Schemas) {
  const { status, answer, otherAnswers = {}, method } = operation
  const others = Object.entries(otherAnswers).map(([type, line]) => [type, { schema: schemas.output(line) }] as const)
  const content = answer && {
    content: {
      'application/json': { schema: schemas.output(answer) },
      ...Object.fromEntries(others),
    },
  }
  const hasTag = answer !== undefined && records.shownBy(operation) !== undefined
  return {
    [status]: { description: STATUS_CODES[status] ?? '', headers: answerHeaders(hasTag), ...content },
    ...(method === 'GET' && hasTag && { 304: { description: 'Not Modified', headers: answerHeaders(true) } }),
  }
}
