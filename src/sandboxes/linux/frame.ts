/** A message to the native launcher: four bytes of length (little endian), then NUL-terminated strings. */
export function frame(strings: readonly string[]): Buffer {
  const body = Buffer.from(strings.map((text) => `${text}\0`).join(''));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  return Buffer.concat([head, body]);
}
