/** Lets `most` through at a time and `waiting` wait; the rest gets `refusal` at once. */
export function createGate(most: number, waiting: number) {
  const queue: (() => void)[] = []
  let inside = 0

  return async <T>(refusal: T, work: () => Promise<T>): Promise<T> => {
    if (inside >= most) {
      if (queue.length >= waiting) return refusal
      await new Promise<void>((enter) => queue.push(enter))
    } else inside++
    try {
      return await work()
    } finally {
      // Whoever waits takes the place over, so that nobody slips in between.
      const next = queue.shift()
      if (next) next()
      else inside--
    }
  }
}
