/** What a compiling process hands over: a line of JSON that names the files, then the files, one behind the other. */
export interface CompiledFiles {
  /** Of the compiler, as Node names it, without the user: `v24.21.0-x64-1c717fce`. */
  readonly tag: string;
  readonly files: readonly { readonly name: string; readonly content: Buffer }[];
}

const LINE_BYTES_MAX = 1_048_576;
const FILES_MAX = 10_000;
const TAG = /^v\d{1,3}\.\d{1,3}\.\d{1,3}-[a-z0-9]{1,16}-[0-9a-f]{8}$/;
const NAME = /^[0-9a-f]{8}$/;

/** Undefined where the bytes are not plainly that: they come from a process that has read a stranger's files. */
export function readCompiledFiles(bytes: Buffer): CompiledFiles | undefined {
  const lineBytes = bytes.subarray(0, LINE_BYTES_MAX).indexOf('\n');
  const head = lineBytes < 0 ? undefined : headOf(bytes.toString('utf8', 0, lineBytes));
  if (!head) return undefined;
  const names = new Set<string>();
  const files: { name: string; content: Buffer }[] = [];
  let at = lineBytes + 1;
  for (const entry of head.files) {
    const [name, size] = Array.isArray(entry) ? entry : [];
    if (typeof name !== 'string' || !NAME.test(name) || names.has(name)) return undefined;
    if (!Number.isSafeInteger(size) || size < 0 || at + size > bytes.length) return undefined;
    names.add(name);
    files.push({ name, content: bytes.subarray(at, at + size) });
    at += size;
  }
  return at === bytes.length ? { tag: head.tag, files } : undefined;
}

function headOf(line: string): { readonly tag: string; readonly files: readonly unknown[] } | undefined {
  try {
    const { tag, files } = JSON.parse(line);
    if (typeof tag !== 'string' || !TAG.test(tag) || !Array.isArray(files) || files.length > FILES_MAX)
      return undefined;
    return { tag, files };
  } catch {
    return undefined;
  }
}
