/**
 * Rows ⇄ Arrow IPC file, by a list of columns. One value, one text: the same rows give the same bytes, so a table can be an
 * artefact. It does not know which tables there are.
 */
import {
  Bool,
  Data,
  type DataType,
  Field,
  Float32,
  Float64,
  Int32,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  Uint32,
  Utf8,
} from 'apache-arrow';
import { StoreError } from './errors.ts';

interface Values {
  u32: number;
  f64: number;
  'f64?': number | null;
  bool: boolean;
  utf8: string;
  'utf8?': string | null;
  'list<i32>': Int32Array;
  'list<f32>': Float32Array;
}

/** How a column lies in the file; a `?` allows null; a list of words is a text that is one of them. */
export type ColumnType = keyof Values | readonly string[];

type Columns = Readonly<Record<string, ColumnType>>;
type ValueOf<C extends ColumnType> = C extends keyof Values
  ? Values[C]
  : C extends readonly (infer Word)[]
    ? Word
    : never;

/** The row that belongs to a list of columns. */
export type RowOf<C extends Columns> = { readonly [K in keyof C]: ValueOf<C[K]> };

/** What a kind of table can do. */
export interface TableFormat<C extends Columns> {
  encode(rows: readonly RowOf<C>[]): Uint8Array;
  decode(bytes: Uint8Array): RowOf<C>[];
}

const VERSION = '1';

/**
 * A table format. `encode` throws a RangeError on a value that its column cannot hold; `decode` throws a StoreError
 * `table-invalid` on anything but a file of this very format.
 */
export function tableFormat<const C extends Columns>(name: string, columns: C): TableFormat<C> {
  const entries = Object.entries(columns);
  const fields = entries.map(
    ([column, type]) => new Field(column, arrowType(type), type === 'f64?' || type === 'utf8?'),
  );
  const metadata = new Map([
    ['evenkeel.table', name],
    ['evenkeel.version', VERSION],
  ]);
  const schema = new Schema(fields, metadata);

  return {
    encode(rows) {
      const children = entries.map(([column, type]) => columnData(name, column, type, rows));
      const data = makeData({ type: new Struct(fields), length: rows.length, nullCount: 0, children });
      return tableToIPC(new Table(schema, [new RecordBatch(schema, data)]), 'file');
    },
    decode(bytes) {
      const table = readTable(name, bytes);
      const found = describe(table.schema);
      const expected = describe(schema);
      if (found !== expected) {
        throw new StoreError(`Cannot read ${name} table: its columns are ${found}, expected ${expected}`, {
          code: 'table-invalid',
        });
      }
      return readRows<C>(name, table, entries);
    },
  };
}

function arrowType(type: ColumnType): DataType {
  if (typeof type === 'object') return new Utf8();
  switch (type) {
    case 'u32':
      return new Uint32();
    case 'f64':
    case 'f64?':
      return new Float64();
    case 'bool':
      return new Bool();
    case 'utf8':
    case 'utf8?':
      return new Utf8();
    case 'list<i32>':
      return new List(new Field('item', new Int32(), false));
    case 'list<f32>':
      return new List(new Field('item', new Float32(), false));
  }
}

function describe(schema: Schema): string {
  const columns = schema.fields.map((field) => `${field.name}: ${field.type}${field.nullable ? '?' : ''}`);
  return `${schema.metadata.get('evenkeel.table')} v${schema.metadata.get('evenkeel.version')} (${columns.join(', ')})`;
}

function readTable(name: string, bytes: Uint8Array): Table {
  try {
    // Arrow reads lists in place, where their bytes are aligned; a fresh copy begins at 0.
    return tableFromIPC(bytes.byteOffset % 8 === 0 ? bytes : bytes.slice());
  } catch (cause) {
    throw new StoreError(`Cannot read ${name} table: ${bytes.byteLength} bytes are no Arrow IPC file, expected one`, {
      code: 'table-invalid',
      cause,
    });
  }
}

function readRows<C extends Columns>(
  name: string,
  table: Table,
  entries: readonly (readonly [string, ColumnType])[],
): RowOf<C>[] {
  const rows = Array.from({ length: table.numRows }, (): Record<string, unknown> => ({}));
  for (const [column, type] of entries) {
    const vector = table.getChild(column)!;
    const list = type === 'list<i32>' || type === 'list<f32>';
    for (const [index, row] of rows.entries()) {
      const value = vector.get(index);
      if (typeof type === 'object' && !type.includes(value)) {
        throw new StoreError(
          `Cannot read ${name} table: ${column} of row ${index} is ${JSON.stringify(value)}, expected one of ${type.join(', ')}`,
          { code: 'table-invalid' },
        );
      }
      // A copy of its own: a view would keep, and on its way to a thread carry, the whole file.
      row[column] = list ? value.toArray().slice() : value;
    }
  }
  return rows as RowOf<C>[];
}

type Rows = readonly Readonly<Record<string, unknown>>[];

function columnData(table: string, column: string, type: ColumnType, rows: Rows): Data {
  const values = rows.map((row, index) => {
    const value = row[column];
    if (fits(type, value)) return value;
    throw new RangeError(
      `Cannot encode ${table} table: ${column} of row ${index} is ${String(value)}, expected ${typeof type === 'object' ? `one of ${type.join(', ')}` : type}`,
    );
  });
  switch (typeof type === 'object' ? 'utf8' : type) {
    case 'u32':
      return makeData({ type: new Uint32(), data: Uint32Array.from(values as number[]), nullCount: 0 });
    case 'f64':
    case 'f64?':
      return makeData({
        type: new Float64(),
        data: Float64Array.from(values as (number | null)[], (value) => value ?? 0),
        ...validity(values),
      });
    case 'bool':
      return makeData({
        type: new Bool(),
        length: values.length,
        data: bitmap(values.map((value) => value === true)),
        nullCount: 0,
      });
    case 'utf8':
    case 'utf8?': {
      const texts = values.map((value) => Buffer.from((value ?? '') as string, 'utf8'));
      return makeData({
        type: new Utf8(),
        length: values.length,
        data: Buffer.concat(texts),
        valueOffsets: offsetsOf(texts),
        ...validity(values),
      });
    }
    case 'list<i32>':
    case 'list<f32>': {
      const lists = values as (Int32Array | Float32Array)[];
      const valueOffsets = offsetsOf(lists);
      const total = valueOffsets[lists.length]!;
      const data = type === 'list<i32>' ? new Int32Array(total) : new Float32Array(total);
      for (const [index, list] of lists.entries()) data.set(list, valueOffsets[index]!);
      const child =
        data instanceof Int32Array
          ? makeData({ type: new Int32(), data, nullCount: 0 })
          : makeData({ type: new Float32(), data, nullCount: 0 });
      return new Data(arrowType(type), 0, values.length, 0, { 0: valueOffsets }, [child]);
    }
  }
}

function fits(type: ColumnType, value: unknown): boolean {
  if (typeof type === 'object') return typeof value === 'string' && type.includes(value);
  switch (type) {
    case 'u32':
      return typeof value === 'number' && value === value >>> 0 && !Object.is(value, -0);
    case 'f64':
      return Number.isFinite(value);
    case 'f64?':
      return value === null || Number.isFinite(value);
    case 'bool':
      return typeof value === 'boolean';
    case 'utf8':
      return typeof value === 'string';
    case 'utf8?':
      return value === null || typeof value === 'string';
    case 'list<i32>':
      return value instanceof Int32Array;
    case 'list<f32>':
      return value instanceof Float32Array;
  }
}

function validity(values: readonly unknown[]): { nullCount: number; nullBitmap?: Uint8Array } {
  const nullCount = values.filter((value) => value === null).length;
  return nullCount === 0 ? { nullCount } : { nullCount, nullBitmap: bitmap(values.map((value) => value !== null)) };
}

function bitmap(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [index, bit] of bits.entries()) if (bit) bytes[index >> 3]! |= 1 << (index & 7);
  return bytes;
}

function offsetsOf(lists: readonly { readonly length: number }[]): Int32Array {
  const offsets = new Int32Array(lists.length + 1);
  for (const [index, list] of lists.entries()) offsets[index + 1] = offsets[index]! + list.length;
  return offsets;
}
