/** A moment before which a refusal isn't given, so that how long it took to find out tells nothing. */
export interface EvenTime {
  /** It looks like a refusal. Nothing is looked up before this is said: a timer that starts later tells of it. */
  start(): void
  /** It is none after all. */
  cancel(): void
  /** Resolves when a refusal may be given. */
  reached(): Promise<void>
}

/** Milliseconds: longer than it takes to look into both stores. */
export const EVEN_TIME = 20

/** What is right from memory starts no timer: it is nearly every request, and is told apart by its answer anyway. */
export function createEvenTime(milliseconds: number): EvenTime {
  let timer: NodeJS.Timeout | undefined
  let reached: Promise<void> | undefined
  return {
    start() {
      if (reached || milliseconds <= 0) return
      reached = new Promise((resolve) => {
        timer = setTimeout(resolve, milliseconds)
      })
    },
    cancel: () => clearTimeout(timer),
    async reached() {
      await reached
    },
  }
}
