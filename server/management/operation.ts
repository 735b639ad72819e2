import type { z } from 'zod'
import type { KeyRing } from '../../keys/key-ring.ts'
import type { Outcome } from '../audit/change.ts'
import type { Clock } from '../clock.ts'
import type { ChosenSecrets } from '../credentials/chosen-secret.ts'
import type { Digests } from '../credentials/digest.ts'
import type { ScopedDatabase, ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import type { Caller } from './caller.ts'
import type { WebhookTools } from './webhooks/tools.ts'
import type { Workloads } from './workloads.ts'

/** What an operation may use: all of it the caller's tenant's, in the mode of the host. */
export interface OperationNeeds {
  readonly scope: TenantScope
  /** From where the request comes. */
  readonly address: string
  readonly tenant: Tenant
  readonly issuer: string
  readonly database: ScopedDatabase
  /** Changes and audits in one transaction, in the caller's name. */
  readonly change: <T>(work: (transaction: ScopedTransaction) => Promise<Outcome<T>>) => Promise<T>
  /** The same for what is of both modes: people. */
  readonly changeTenant: OperationNeeds['change']
  /** Before the audit log is read: what happened to tokens is in it from then on. */
  readonly drainEvents: () => Promise<void>
  readonly digests: Digests
  /** Of API clients. */
  readonly chosenSecrets: Pick<ChosenSecrets, 'hash'>
  readonly clock: Clock
  readonly workloads: Workloads
  readonly webhooks: WebhookTools
  /** Of the mode: the same for all its tenants. */
  readonly keyRing: Pick<KeyRing, 'current'>
}

/** A request that has been authenticated, authorized and parsed. */
export interface OperationRequest<Query, Body> {
  readonly caller: Caller
  /** The last `:id` of the path; empty where there is none. */
  readonly id: string
  readonly query: Query
  readonly body: Body
  /** Which of its media types the caller wants: `application/json`, or one of `otherAnswers`. */
  readonly mediaType: string
}

/** Whatever has a body says what is in it. Strict: a member that isn't in it is a mistake. */
export type Answering =
  | { readonly status: 200 | 201 | 202; readonly answer: z.ZodType }
  | { readonly status: 204; readonly answer?: undefined }

/** One call of the management API, as data: the router, the authorization and the documents are made from it. */
export type Operation<Query = unknown, Body = unknown> = Call<Query, Body> & Answering

export interface Call<Query = unknown, Body = unknown> {
  /** What it does, in a line: `Revoke a key`. */
  readonly summary: string
  /** What else a reader of the reference must know, as Markdown. */
  readonly explanation?: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `:id` stands for a record's id. */
  readonly path: string
  /** Who else is refused: whoever isn't a person, or calls at the test host what is of both modes. */
  readonly only?: 'people' | 'live'
  /** What the caller must hold; undefined: nothing but a credential. */
  readonly requires: string | undefined
  readonly query?: z.ZodType<Query>
  readonly body?: z.ZodType<Body>
  /**
   * What else it answers with, if that is asked for by `Accept`: a media type, and what a line of it is, as JSON. `handle`
   * then returns an async iterable of lines.
   */
  readonly otherAnswers?: Readonly<Record<string, z.ZodType>>
  /** Members of the answer that move without a change, as `last_used_at` does: no part of its ETag. */
  readonly volatile?: readonly string[]
  /** @throws {ApiError} */
  handle(request: OperationRequest<Query, Body>, needs: OperationNeeds): Promise<unknown>
}

/** Infers the types of a request from its schemas. */
export const operation = <Query, Body>(definition: Operation<Query, Body>): Operation =>
  definition as unknown as Operation
