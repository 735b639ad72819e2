import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../server/clock.ts'
import { openStorage, type Storage } from '../../server/storage/open.ts'
import { createTestDatabase } from '../services/spaces.ts'

// The SQL of the migrations is written by hand. Here it is held to the schema that the Prisma client is made from.

interface Column {
  table: string
  name: string
  type: string
  nullable: boolean
  hasDefault: boolean
}

const SQL_TYPES: Record<string, string> = {
  String: 'text',
  Int: 'integer',
  BigInt: 'bigint',
  Boolean: 'boolean',
  DateTime: 'timestamp with time zone',
  Json: 'jsonb',
  Bytes: 'bytea',
}

const schema = await readFile(join(import.meta.dirname, '../../prisma/schema.prisma'), 'utf8')
const models = [...schema.matchAll(/^model (\w+) \{\n(.*?)^\}/gms)].map(([, name = '', body = '']) =>
  parseModel(name, body),
)
const modelNames = new Set(models.map(({ name }) => name))
const byName = <T extends { table: string; name: string }>(rows: T[]) =>
  rows.sort((a, b) => (`${a.table}.${a.name}` < `${b.table}.${b.name}` ? -1 : 1))

function parseModel(name: string, body: string) {
  const lines = body.split('\n').map((line) => line.replace(/\/\/.*$/, '').trim())
  const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? name
  const fields = lines.flatMap((line) => {
    const [, field, type, suffix, attributes] = /^(\w+)\s+(\w+)(\?|\[\])?(.*)$/.exec(line) ?? []
    if (!field || !type || attributes === undefined) return []
    return { field, type, suffix, attributes, column: /@map\("(\w+)"\)/.exec(attributes)?.[1] ?? field }
  })
  const columnOf = (field: string) => fields.find((known) => known.field === field)?.column ?? field
  const lists = (attribute: string) =>
    [...body.matchAll(new RegExp(`@@${attribute}\\(\\[([^\\]]+)\\]`, 'g'))].map(([, list = '']) =>
      list.split(',').map((field) => columnOf(field.trim())),
    )
  const single = (attribute: RegExp) =>
    fields.filter((one) => attribute.test(one.attributes)).map((one) => [one.column])
  return {
    name,
    table,
    fields,
    primaryKey: [...single(/@id\b/), ...lists('id')],
    unique: [...single(/@unique\b/), ...lists('unique')],
    indexes: lists('index'),
  }
}

const expectedColumns = (): Column[] =>
  models.flatMap(({ table, fields }) =>
    fields.flatMap(({ type, suffix, attributes, column }) =>
      modelNames.has(type)
        ? []
        : {
            table,
            name: column,
            type: suffix === '[]' ? 'ARRAY' : (SQL_TYPES[type] as string),
            nullable: suffix === '?',
            hasDefault: /@default\(/.test(attributes),
          },
    ),
  )

const keysOf = (columns: string[][]) => columns.map((list) => list.join(', ')).sort()

let storage: Storage

beforeAll(async () => {
  const settings = { databaseUrl: await createTestDatabase(), redisUrl: undefined, dataDir: '' }
  storage = await openStorage(settings, { clock: systemClock, log: pino({ level: 'silent' }) })
  await storage.migrate()
})
afterAll(() => storage.close())

test('the schema was understood', () => {
  expect(models.length).toBeGreaterThan(10)
  expect(schema.match(/^model /gm)).toHaveLength(models.length)
  for (const { name, type } of expectedColumns()) expect(type, name).toBeDefined()
})

test('models and tables have the same columns, of the same types, nullability and defaults', async () => {
  const columns = await storage.database.$queryRaw<Column[]>`
    SELECT table_name::text AS table, column_name::text AS name, data_type::text AS type,
           is_nullable = 'YES' AS nullable, column_default IS NOT NULL AS "hasDefault"
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_prisma_migrations'`
  expect(byName(columns)).toEqual(byName(expectedColumns()))
})

test.each(models)('$table has the keys and indexes of its model', async ({ table, primaryKey, unique, indexes }) => {
  // Partial indexes and those on expressions can't be said in the schema.
  const rows = await storage.database.$queryRaw<{ kind: string; columns: string[] }[]>`
    SELECT CASE WHEN indisprimary THEN 'primary' WHEN indisunique THEN 'unique' ELSE 'index' END AS kind,
           ARRAY(SELECT attname::text FROM unnest(indkey) WITH ORDINALITY AS k (number, at)
                 JOIN pg_attribute ON attrelid = indrelid AND attnum = k.number ORDER BY k.at) AS columns
    FROM pg_index WHERE indrelid = ${table}::regclass AND indpred IS NULL AND indexprs IS NULL`
  const inDatabase = (kind: string) => keysOf(rows.filter((row) => row.kind === kind).map(({ columns }) => columns))
  expect(inDatabase('primary')).toEqual(keysOf(primaryKey))
  expect(inDatabase('unique')).toEqual(keysOf(unique))
  expect(inDatabase('index')).toEqual(keysOf(indexes))
})

test('the foreign keys of the models are there', async () => {
  const relations = models.flatMap(({ table, fields }) =>
    fields.flatMap(({ type, attributes, suffix }) => {
      if (!modelNames.has(type) || suffix === '[]') return []
      const [, own] = /fields: \[([\w, ]+)\]/.exec(attributes) ?? []
      if (own === undefined) return [] // the other side of a one-to-one
      const columns = own.split(', ').map((name) => fields.find(({ field }) => field === name)?.column)
      return `${table}.${columns} -> ${models.find(({ name }) => name === type)?.table}`
    }),
  )
  const rows = await storage.database.$queryRaw<{ link: string }[]>`
    SELECT conrelid::regclass || '.' || string_agg(attname, ',' ORDER BY place) || ' -> ' || confrelid::regclass AS link
    FROM pg_constraint, unnest(conkey) WITH ORDINALITY AS key (number, place)
    JOIN pg_attribute ON attnum = number
    WHERE contype = 'f' AND attrelid = conrelid GROUP BY conname, conrelid, confrelid`
  const links = rows.map(({ link }) => link)
  expect(relations.length).toBeGreaterThan(0)
  expect(relations.filter((relation) => !links.includes(relation))).toEqual([])
})
