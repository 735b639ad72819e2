import type { Caller } from '../../command/caller.ts'
import { browserAt } from '../../command/person.ts'
import { type Agreed, agree, type TestApp } from '../../oauth/people.ts'
import { counted, type Ledger } from '../ledger.ts'
import { ISSUER, type Place } from '../place.ts'

/** A code for an app. Undefined while the way there is broken. */
export type NewCode = (app: TestApp) => Promise<Agreed | undefined>

/** A person with a browser, who does one thing after the other. */
export function createPerson({ any, made }: Place, ledger: Ledger): NewCode {
  // As people come through a balancer: each request to another node.
  const balanced = { ...any(), send: (...call: Parameters<Caller['send']>) => any().send(...call) }
  const browser = browserAt(counted(balanced, ledger, 'pages'), ISSUER, made.owner)
  let turn: Promise<unknown> = Promise.resolve()

  return (app) => {
    const code = turn.then(() => agree(browser, app).catch(() => undefined))
    turn = code
    return code
  }
}
