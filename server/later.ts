import { randomInt } from 'node:crypto'

/** Does things at a moment that has nothing to do with when they were asked for, so that the moment tells nothing. */
export interface Later {
  /** One after the other. What fails is left out, and of a flood all that would not be done for long. */
  run(work: () => Promise<void>): void
  /** Does now what is still to be done. */
  finish(): Promise<void>
}

/** Milliseconds. */
const SOONEST = 100
const LATEST = 500

/** About 1 KB each, and some milliseconds of an embedded database. */
export const MOST = 10_000

export function createLater(): Later {
  let waiting: (() => Promise<void>)[] = []
  let undone = 0
  let timer: NodeJS.Timeout | undefined
  let doing = Promise.resolve()

  async function inTurn(works: typeof waiting): Promise<void> {
    for (const work of works) {
      await work().catch(() => {})
      undone -= 1
    }
  }

  function finish(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const works = waiting
    waiting = []
    doing = doing.then(() => inTurn(works))
    return doing
  }

  return {
    run(work) {
      if (undone >= MOST) return
      undone += 1
      waiting.push(work)
      timer ??= setTimeout(finish, randomInt(SOONEST, LATEST)).unref()
    },
    finish,
  }
}
