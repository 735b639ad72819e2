import type { z } from 'zod'
import type { Outcome } from '../audit/change.ts'
import type { Clock } from '../clock.ts'
import type { Digests } from '../credentials/digest.ts'
import type { ScopedDatabase, ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import type { Caller } from './caller.ts'
import type { Workloads } from './workloads.ts'

/** What an operation may use: all of it the caller's tenant's, in the mode of the host. */
export interface OperationNeeds {
  readonly scope: TenantScope
  readonly tenant: Tenant
  readonly issuer: string
  readonly database: ScopedDatabase
  /** Changes and audits in one transaction, in the caller's name. */
  readonly change: <T>(work: (transaction: ScopedTransaction) => Promise<Outcome<T>>) => Promise<T>
  readonly digests: Digests
  readonly clock: Clock
  readonly workloads: Workloads
}

/** A request that has been authenticated, authorized and parsed. */
export interface OperationRequest<Query, Body> {
  readonly caller: Caller
  /** The last `:id` of the path; empty where there is none. */
  readonly id: string
  readonly query: Query
  readonly body: Body
}

/** One call of the management API, as data: the router, the authorization and the documents are made from it. */
export interface Operation<Query = unknown, Body = unknown> {
  /** What it does, in a line: `Revoke a key`. */
  readonly summary?: string
  /** What else a reader of the reference must know, as Markdown. */
  readonly explanation?: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `:id` stands for a record's id. */
  readonly path: string
  /** What the caller must hold; undefined: nothing but a credential. */
  readonly requires: string | undefined
  readonly status: number
  readonly query?: z.ZodType<Query>
  readonly body?: z.ZodType<Body>
  /** What it answers with where it has a body. Strict: a member that isn't in it is a mistake. */
  readonly answer?: z.ZodType
  /** @throws {ApiError} */
  handle(request: OperationRequest<Query, Body>, needs: OperationNeeds): Promise<unknown>
}

/** Infers the types of a request from its schemas. */
export const operation = <Query, Body>(definition: Operation<Query, Body>): Operation =>
  definition as unknown as Operation
