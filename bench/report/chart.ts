import type { Latency, Memory, Other, Rate, Results } from '../results.ts'
import { milliseconds, processesText } from './text.ts'

const WIDTH = 860
const MARGIN = 24
/** Where the bars begin; before it is what they are of. */
const LEFT = 190
/** Room for the words at the end of the longest bar. */
const WORDS = 220
const BAR = 13
const PITCH = 16
const GROUP_GAP = 12
const HEADER = 104

/** Drawn on a card of its own, so that it can be read on whatever page it is put; dark where the reader wants dark. */
const STYLE = `
svg{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
.card{fill:#fff;stroke:#d1d9e0}.text{fill:#1f2328}.muted{fill:#59636e}.title{font-size:16px;font-weight:600}
.one{fill:#2f6fde}.more{fill:#93b6f0}.floor{fill:#b3bac3}.rival{fill:#d98a35}.limit{fill:#9a7fd1}.promise{stroke:#1f2328;stroke-width:2}
@media(prefers-color-scheme:dark){
.card{fill:#0d1117;stroke:#3d444d}.text{fill:#e6edf3}.muted{fill:#9198a1}
.one{fill:#5b93f5}.more{fill:#2c5299}.floor{fill:#5f6873}.rival{fill:#c77f33}.limit{fill:#7d62b5}.promise{stroke:#e6edf3}}`

type Look = 'one' | 'more' | 'floor' | 'limit' | 'rival'

const LOOK_OF: Record<Other['against'], Look> = {
  floor: 'floor',
  'default-floor': 'floor',
  signature: 'limit',
  'oidc-provider': 'rival',
}

interface Bar {
  readonly look: Look
  readonly perSecond: number
  readonly words: string
  readonly promised?: number | undefined
}

/** Complete in itself: no script, no font, nothing fetched. */
export function chart({ rates, crowds, latencies, memory, machine, commit, at }: Results): string {
  const names = [...new Set(rates.map(({ name }) => name))]
  const groups = names.map((name) => groupOf(rates.filter((rate) => rate.name === name)))
  const most = Math.max(1, ...groups.flatMap(({ bars }) => bars.flatMap((bar) => [bar.perSecond, bar.promised ?? 0])))
  const scale = (WIDTH - LEFT - WORDS - MARGIN) / most
  let y = HEADER
  const drawn = groups.map((group) => {
    const top = y
    y += group.bars.length * PITCH + GROUP_GAP
    return drawGroup(group, top, scale)
  })
  const facts = [
    ...crowdFacts([...rates, ...crowds]),
    ...latencyFacts(latencies),
    ...(memory ? memoryFacts(memory) : []),
  ]
  const lines = facts.map((fact, each) => text(MARGIN, y + 18 + each * 18, fact, 'text'))
  const height = y + facts.length * 18 + MARGIN
  const { processor, cores, memory: gigabytes, node, redis, postgres } = machine
  const where = `${processor}, ${cores} cores, ${gigabytes} GB, load generator and stores on it too; all but Keycourt with 1 process`
  const what = `Node ${node}, Redis ${redis}, PostgreSQL ${postgres} · commit ${commit} · ${at.slice(0, 10)}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>Requests per second of Keycourt, of a bare handler, and of bare oidc-provider</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="card" x=".5" y=".5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>`,
    text(MARGIN, 30, 'Requests per second, over 10,000 distinct clients', 'text title'),
    text(MARGIN, 48, escaped(where), 'muted'),
    text(MARGIN, 64, escaped(what), 'muted'),
    legend(rates),
    ...drawn,
    ...lines,
    '</svg>',
    '',
  ].join('\n')
}

function groupOf(rates: readonly Rate[]): { title: string; bars: Bar[] } {
  const [first] = rates as [Rate, ...Rate[]]
  const bars = rates.map((rate): Bar => {
    const floor = rate.others.find(({ against }) => against === 'floor')
    const promised = rate === first ? rate.promised.perSecond : undefined
    const words = `${count(rate.ours.perSecond)}${floor ? ` · ${floor.ratio.median.toFixed(2)} of its floor` : ''}`
    return { look: rate.processes === 1 ? 'one' : 'more', perSecond: rate.ours.perSecond, words, promised }
  })
  return { title: first.title, bars: [...bars, ...first.others.map(barOf)] }
}

const barOf = ({ against, title, figures }: Other): Bar => ({
  look: LOOK_OF[against],
  perSecond: figures.perSecond,
  words: `${count(figures.perSecond)} · ${title}`,
})

function drawGroup({ title, bars }: ReturnType<typeof groupOf>, top: number, scale: number): string {
  const parts = bars.map(({ look, perSecond, words, promised }, each) => {
    const y = top + each * PITCH
    const width = Math.max(1, perSecond * scale)
    const tick = promised === undefined ? '' : promise(LEFT + promised * scale, y)
    const end = LEFT + Math.max(width, (promised ?? 0) * scale) + 8
    const bar = `<rect class="${look}" x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>`
    return bar + tick + text(end, y + BAR - 2, escaped(words), 'muted')
  })
  return text(MARGIN, top + BAR - 2, escaped(title), 'text') + parts.join('')
}

const promise = (x: number, y: number): string =>
  `<line class="promise" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${y - 2}" y2="${y + BAR + 2}"/>`

function legend(rates: readonly Rate[]): string {
  const counts = [...new Set(rates.map(({ processes }) => processes))]
  const entries = [
    ...counts.map((processes) => [processes === 1 ? 'one' : 'more', `Keycourt, ${processesText(processes)}`] as const),
    ['floor', 'floor: a bare handler'] as const,
    ['limit', 'one signature'] as const,
    ['rival', 'bare oidc-provider'] as const,
  ]
  let x = MARGIN
  const drawn = entries.map(([look, words]) => {
    const at = x
    x += 26 + words.length * 6.3
    return `<rect class="${look}" x="${at}" y="75" width="10" height="10" rx="2"/>${text(at + 15, 84, words, 'muted')}`
  })
  return `${drawn.join('')}${promise(x + 2, 74)}${text(x + 10, 84, 'promised', 'muted')}`
}

/** The promised ratios by how many ask at once. */
function crowdFacts(rates: readonly Rate[]): string[] {
  const promised = rates.filter((rate) => rate.processes === 1 && rate.promised.ratio !== undefined)
  return [...new Set(promised.map(({ name }) => name))].map((name) => {
    const mine = promised
      .filter((rate) => rate.name === name)
      .toSorted((one, other) => one.connections - other.connections)
    const [first] = mine as [Rate, ...Rate[]]
    const each = mine.map(({ connections, others }) => `${ratioOf(others)} with ${connections}`)
    return escaped(
      `${first.title} to its floor, requests at once: ${each.join(', ')} · promised ${first.promised.ratio}`,
    )
  })
}

const ratioOf = (others: readonly Other[]): string =>
  others.find(({ against }) => against === 'floor')?.ratio.median.toFixed(2) ?? '?'

function latencyFacts(latencies: readonly Latency[]): string[] {
  const counts = [...new Set(latencies.map(({ processes }) => processes))]
  const lines = counts.map((processes) => {
    const each = latencies
      .filter((latency) => latency.processes === processes)
      .map(({ title, p99 }) => `${title.toLowerCase()} ${milliseconds(p99)}`)
    return escaped(`${processesText(processes)}: ${each.join(', ')}`)
  })
  return lines.length ? ['p99 at a steady 70 % of the promised rates (promised: 25 ms)', ...lines] : []
}

const memoryFacts = ({ liveTokens, node }: Memory): string[] => [
  `A live token takes ${liveTokens.bytesEach.toFixed(0)} bytes of Redis, at ${liveTokens.tokens.toLocaleString('en')} (promised: 400). ` +
    `Empty ${mb(liveTokens.before)}, with them ${mb(liveTokens.with)}, when they were over ${mb(liveTokens.after)}.`,
  `The server after ${node.mints.toLocaleString('en')} mints: heap ${mb(node.heap.before)} to ${mb(node.heap.after)}.`,
]

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`

const count = (perSecond: number): string => `${Math.round(perSecond).toLocaleString('en')}/s`

/** @param words escaped */
const text = (x: number, y: number, words: string, look: string): string =>
  `<text class="${look}" x="${x.toFixed(1)}" y="${y}">${words}</text>`

const escaped = (words: string): string =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
