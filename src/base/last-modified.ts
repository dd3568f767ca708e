/** `2020-04-10T19:06:32.563+0000`, AWS's form of the times of functions and layers, from epoch milliseconds. */
export function formatLastModified(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '+0000');
}
