/**
 * A search that JavaScript has none for: the first of many bytes that JSON cannot have in a string as it is. Sixteen bytes
 * are looked at with one instruction, in WebAssembly, of which the few instructions are put together here.
 *
 *     scan(at, end): the first multiple of 64 from `at` on (which is one) with such a byte in the 64 behind it; `end` when
 *     there is none. Both are places in the memory, and `end` is a multiple of 64 too.
 */

/** One page of WebAssembly, the least that there is. */
export const SCAN_BYTES = 65_536;
/** Looked at in one turn of the loop. */
export const BLOCK_BYTES = 64;
const VECTOR_BYTES = 16;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CONTROL_MAX = 0x1f;

// The instructions that are used, by their names in the specification.
const BLOCK = [0x02, 0x40];
const LOOP = [0x03, 0x40];
const END = 0x0b;
const BR = 0x0c;
const BR_IF = 0x0d;
const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;
const LOCAL_TEE = 0x22;
const I32_CONST = 0x41;
const I32_GE_U = 0x4f;
const I32_ADD = 0x6a;
const V128_LOAD = [0xfd, 0x00];
const V128_CONST = [0xfd, 0x0c];
const V128_OR = [0xfd, 0x50];
const V128_ANY_TRUE = [0xfd, 0x53];
const I8X16_EQ = [0xfd, 0x23];
const I8X16_MIN_U = [0xfd, 0x77];

const I32 = 0x7f;
const V128 = 0x7b;

// The locals: two parameters, then what is compared with, then what is looked at.
const AT = 0;
const LIMIT = 1;
const QUOTES = 2;
const BACKSLASHES = 3;
const CONTROLS = 4;
const BYTES = 5;
const VECTOR_LOCALS = 4;

/** Sets a local to one byte in all places. */
function fill(local: number, byte: number): number[] {
  return [...V128_CONST, ...new Array<number>(VECTOR_BYTES).fill(byte), LOCAL_SET, local];
}

/** Leaves a vector that is not zero where one of the sixteen bytes is looked for. */
function look(offset: number): number[] {
  const given = [LOCAL_GET, BYTES];
  return [
    ...[LOCAL_GET, AT, ...V128_LOAD, 0, offset, LOCAL_TEE, BYTES],
    ...[LOCAL_GET, QUOTES, ...I8X16_EQ],
    ...[...given, LOCAL_GET, BACKSLASHES, ...I8X16_EQ, ...V128_OR],
    // What is no larger than the largest control character.
    ...[...given, LOCAL_GET, CONTROLS, ...I8X16_MIN_U, ...given, ...I8X16_EQ, ...V128_OR],
  ];
}

function body(): number[] {
  const looks = [0, 1, 2, 3].flatMap((i) => [...look(i * VECTOR_BYTES), ...(i === 0 ? [] : V128_OR)]);
  return [
    ...[1, VECTOR_LOCALS, V128],
    ...[...fill(QUOTES, QUOTE), ...fill(BACKSLASHES, BACKSLASH), ...fill(CONTROLS, CONTROL_MAX)],
    ...[...BLOCK, ...LOOP],
    ...[LOCAL_GET, AT, LOCAL_GET, LIMIT, I32_GE_U, BR_IF, 1],
    ...[...looks, ...V128_ANY_TRUE, BR_IF, 1],
    // 64 as a signed number of seven bits a byte.
    ...[LOCAL_GET, AT, I32_CONST, 0xc0, 0x00, I32_ADD, LOCAL_SET, AT, BR, 0],
    ...[END, END, LOCAL_GET, AT, END],
  ];
}

/** With its length before it, in seven bits a byte. */
function sized(content: readonly number[]): number[] {
  const { length } = content;
  return length < 0x80 ? [length, ...content] : [(length & 0x7f) | 0x80, length >> 7, ...content];
}

function named(name: string, kind: number): number[] {
  return [...sized([...Buffer.from(name)]), kind, 0];
}

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: readonly number[]) => [id, ...sized(content)];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, I32, I32, 1, I32]),
    ...section(3, [1, 0]),
    ...section(5, [1, 1, 1, 1]),
    ...section(7, [2, ...named('memory', 2), ...named('scan', 0)]),
    ...section(10, [1, ...sized(body())]),
  ]);
}

/** What is used of it: the compiler knows it only as a part of browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly scan: PlainScan['scan'];
}

export interface PlainScan {
  /** Of SCAN_BYTES. */
  readonly room: Uint8Array;
  scan(at: number, end: number): number;
}

/** Undefined where the processor has no such instructions, or there are no addresses left for its memory. */
export function openPlainScan(): PlainScan | undefined {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()));
    const { memory, scan } = exports as Exports;
    return { room: new Uint8Array(memory.buffer), scan };
  } catch {
    return undefined;
  }
}
