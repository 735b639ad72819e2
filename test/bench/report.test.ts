import { describe, expect, test } from 'vitest'
import { chart } from '../../bench/report/chart.ts'
import { headline, latencyText, memoryText, rateText } from '../../bench/report/text.ts'
import type { Figures, Latency, Memory, Other, Rate, Results } from '../../bench/results.ts'

const figures = (perSecond: number, more: Partial<Figures> = {}): Figures => ({
  ...{ perSecond, p50: 7_100, p99: 12_340, cpu: 181.4, errors: 0 },
  ...more,
})

const other = (against: Other['against'], title: string, perSecond: number): Other => ({
  ...{ against, title, figures: figures(perSecond) },
  ratio: { median: 0.712, least: 0.69, most: 0.734 },
})

const mint: Rate = {
  ...{
    name: 'mint',
    title: 'Mint',
    processes: 1,
    connections: 128,
    ours: figures(4_321),
    promised: { ratio: 0.7, perSecond: 4_000 },
  },
  others: [other('floor', 'one Redis write', 6_066), other('oidc-provider', 'bare oidc-provider', 1_911)],
}
const minted = { ...mint, processes: 2, ours: figures(6_543) }
const exchange: Rate = {
  ...{ name: 'exchange', title: 'Exchange <&>', processes: 1, connections: 128, ours: figures(1_777), promised: {} },
  others: [other('floor', 'two Redis writes', 5_055), other('signature', 'verifying one signature', 9_099)],
}
const latency: Latency = {
  ...{ name: 'mint', title: 'Mint', processes: 1, perSecond: 2_800 },
  ...{ p50: 2_000, p99: 9_940, max: 31_000, errors: 0 },
}
const memory: Memory = {
  liveTokens: {
    ...{ tokens: 1_000_000, overHttp: 300_000, bytesEach: 312.4 },
    ...{ before: 2e6, with: 314.4e6, after: 2.1e6, keysAfter: 3 },
  },
  database: { tokens: 1e6, before: 9e6, with: 350e6, swept: 10e6, sweptAgain: 10e6, sweepSeconds: 31 },
  node: {
    mints: 250_000,
    seconds: 71,
    heap: { before: 64e6, after: 65e6 },
    resident: { before: 200e6, after: 201e6 },
    heapPerMillion: 1.5e6,
  },
  auditEntry: 931,
}
const results: Results = {
  ...{ at: '2030-01-31T12:00:00.000Z', commit: 'abcdef0123' },
  machine: { processor: 'A "CPU" <1>', cores: 2, memory: 8, node: 'v24', redis: '7.0', postgres: '15.1' },
  settings: { clients: 10_000, rounds: 5, seconds: 3, connections: 128 },
  ...{ rates: [mint, exchange, minted], crowds: [{ ...mint, connections: 512 }], latencies: [latency], memory },
}

describe('the chart of a run', () => {
  const drawn = chart(results)

  test('has every rate, with one process and with two, and what it is compared with', () => {
    for (const words of ['4,321/s · 0.71 of its floor', '6,543/s', '6,066/s · one Redis write', '1,911/s · bare oidc-'])
      expect(drawn).toContain(words)
  })

  test('says where and of what it was made', () => {
    for (const words of ['2 cores', 'abcdef0123', '2030-01-31', 'Redis 7.0', '312 bytes', '9.9 ms', '0.71 with 512'])
      expect(drawn).toContain(words)
  })

  test('is one well-formed document', () => {
    const open: string[] = []
    for (const [, closes, name = '', alone] of drawn.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
      if (closes) expect(open.pop()).toBe(name)
      else if (!alone) open.push(name)
    }
    expect(open).toEqual([])
    expect(drawn).toContain('Exchange &lt;&amp;&gt;')
    expect(drawn).toContain('A &quot;CPU&quot; &lt;1&gt;')
  })

  test('fetches nothing and runs nothing', () => {
    expect(drawn.replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(/https?:|url\(|@import|href|<script/)
  })

  test('keeps every bar, and what is promised, within the card', () => {
    const width = Number(/viewBox="0 0 (\d+)/.exec(drawn)?.[1])
    const ends = [...drawn.matchAll(/<rect class="(?!card)\w+" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)]
    expect(ends.length).toBeGreaterThan(6)
    for (const [, x, length] of ends) expect(Number(x) + Number(length)).toBeLessThan(width)
    for (const [, x] of drawn.matchAll(/<line class="promise" x1="([\d.]+)"/g)) expect(Number(x)).toBeLessThan(width)
  })

  test('can be drawn of a run in which little was measured', () => {
    expect(chart({ ...results, rates: [], latencies: [], memory: undefined })).toContain('</svg>')
  })
})

describe('the lines of a run', () => {
  test('put a rate beside what is promised of it', () => {
    const [first, ...others] = rateText(mint).split('\n')
    expect(first).toBe(
      'Mint, 1 process, 128 connections: 4321/s, p50 7.1 ms, p99 12.3 ms, 181 µs of processor time   promised 4000/s',
    )
    expect(others[0]).toContain('0.71 (0.69 to 0.73) of one Redis write: 6066/s')
    expect(others[0]).toContain('promised 0.70')
    expect(others[1]).not.toContain('promised')
  })

  test('are loud about errors, and silent about a processor time that nobody could tell', () => {
    const text = rateText({ ...mint, ours: figures(10, { errors: 7, cpu: null }), others: [] })
    expect(text).toContain('7 ERRORS')
    expect(text).not.toContain('processor time')
    expect(latencyText({ ...latency, errors: 2 })).toContain('2 ERRORS')
  })

  test('name the machine and the commit', () => {
    expect(headline(results)).toContain('commit abcdef0123')
  })

  test('scale what the heap grew by to an hour', () => {
    expect(memoryText(memory)).toContain('1.5 MB of heap per million mints, so 21.6 MB in an hour')
  })
})
