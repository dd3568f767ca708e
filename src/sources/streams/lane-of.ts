/** FNV-1a, 32 bits. */
const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

/** Records with one key always come to the same of so many lanes. */
export function laneOf<Lane>(lanes: readonly Lane[], orderKey = ''): Lane {
  if (lanes.length === 1) return lanes[0] as Lane;
  let hash = OFFSET;
  for (let at = 0; at < orderKey.length; at++) hash = Math.imul(hash ^ orderKey.charCodeAt(at), PRIME);
  return lanes[(hash >>> 0) % lanes.length] as Lane;
}
