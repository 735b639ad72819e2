/** Times of one request each, in microseconds. */
export type Sample = Float64Array

/** An estimate, and between what it lies with 99 % confidence. */
export interface Estimate {
  readonly value: number
  readonly interval: readonly [number, number]
}

export interface Comparison {
  /** By how much the second is slower, in microseconds, at each of {@link QUANTILES}. */
  readonly differences: readonly Estimate[]
  /** Mann–Whitney: how often a request of the second takes longer than one of the first; 0.5 says nothing. */
  readonly superiority: Estimate
  /** `equal`: every interval lies within its threshold. `different`: one lies beyond it. `unclear`: too much noise to tell. */
  readonly verdict: 'equal' | 'different' | 'unclear'
}

/**
 * The fast half: what is slower is the machine's (another process, a garbage collection), and whoever listens leaves it
 * out as well. A path that is taken now and then shows in the order of all, {@link Comparison.superiority}.
 */
export const QUANTILES: readonly number[] = [0.1, 0.25, 0.5]
/** Of superiority, either way: that of one request in five that takes another, slower path. */
const MOST_SUPERIOR = 0.1
const RESAMPLES = 1_000
/** Of 99 %, at each end. */
const EDGE = 0.005
const Z = 2.576

/** Equal is what has to be shown, as in a test of equivalence: a machine that is too noisy to tell does not pass. */
export function compare(one: Sample, other: Sample, threshold: number, random = Math.random): Comparison {
  const [a, b] = [one.toSorted(), other.toSorted()]
  const differences = differencesOf(a, b, random)
  const superiority = superiorityOf(a, b)
  const { value, interval } = superiority
  const judged = [
    ...differences.map((difference) => verdictOf(difference, threshold)),
    verdictOf({ value: value - 0.5, interval: [interval[0] - 0.5, interval[1] - 0.5] }, MOST_SUPERIOR),
  ]
  const verdict = judged.includes('different') ? 'different' : judged.includes('unclear') ? 'unclear' : 'equal'
  return { differences, superiority, verdict }
}

function verdictOf({ interval: [low, high] }: Estimate, threshold: number): Comparison['verdict'] {
  if (low > -threshold && high < threshold) return 'equal'
  return low >= threshold || high <= -threshold ? 'different' : 'unclear'
}

/** By the bootstrap (percentiles), which asks nothing of the shape: times are skewed, with several humps. */
function differencesOf(a: Sample, b: Sample, random: () => number): Estimate[] {
  const resampled = QUANTILES.map(() => new Float64Array(RESAMPLES))
  for (let each = 0; each < RESAMPLES; each++) {
    const [left, right] = [resampledQuantiles(a, random), resampledQuantiles(b, random)]
    for (const [at, values] of resampled.entries()) values[each] = (right[at] as number) - (left[at] as number)
  }
  return QUANTILES.map((quantile, at) => {
    const sorted = (resampled[at] as Sample).sort()
    const interval = [quantileOf(sorted, EDGE), quantileOf(sorted, 1 - EDGE)] as const
    return { value: quantileOf(b, quantile) - quantileOf(a, quantile), interval }
  })
}

/** Of as many as there are, drawn with replacement. How often each was drawn tells where they are: nothing is sorted again. */
function resampledQuantiles(sorted: Sample, random: () => number): number[] {
  const drawn = new Uint16Array(sorted.length)
  for (let each = 0; each < sorted.length; each++) {
    const at = Math.floor(random() * sorted.length)
    drawn[at] = (drawn[at] as number) + 1
  }
  let [at, below] = [0, drawn[0] as number]
  return QUANTILES.map((quantile) => {
    const rank = Math.floor(quantile * sorted.length)
    while (below <= rank) below += drawn[++at] as number
    return sorted[at] as number
  })
}

const quantileOf = (sorted: Sample, quantile: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] as number

export const medianOf = (sample: Sample): number => quantileOf(sample.toSorted(), 0.5)

/** Its variance is DeLong's, from where each time falls among those of the other sample. Ties count half. */
function superiorityOf(a: Sample, b: Sample): Estimate {
  const ofB = b.map((time) => (countBelow(a, time, false) + countBelow(a, time, true)) / 2 / a.length)
  const ofA = a.map((time) => 1 - (countBelow(b, time, false) + countBelow(b, time, true)) / 2 / b.length)
  const value = meanOf(ofB)
  const error = Z * Math.sqrt(varianceOf(ofA) / a.length + varianceOf(ofB) / b.length)
  return { value, interval: [value - error, value + error] }
}

const meanOf = (values: Sample): number => values.reduce((sum, value) => sum + value, 0) / values.length

function varianceOf(values: Sample): number {
  const mean = meanOf(values)
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
}

/** How many of a sorted sample are less than `time`, or no greater. */
function countBelow(sorted: Sample, time: number, orEqual: boolean): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const value = sorted[middle] as number
    if (value < time || (orEqual && value === time)) low = middle + 1
    else high = middle
  }
  return low
}
