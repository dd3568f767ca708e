/** Connections to a Runtime API that leave HTTP for frames and then speak them badly. Runs inside a function too. */
import type { Draw } from './draw.ts';
import { FORGED } from './hostile-http.ts';
import type { LocalNames } from './local-requests.ts';

const UPGRADE = Buffer.from(
  'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUpgrade: lambdad-frames\r\n\r\n',
);
const HEAD_BYTES = 12;
const FRAMES_MAX = 4;
const CUTS_MAX = 4;
/** Beside the three that there are. */
const KINDS = [1, 1, 1, 2, 2, 3, 0, 4, 0x47455420, 0xffffffff];
const LENGTHS = [0, 1, 11, 131_072, 131_073, 6_291_457, 0x7fffffff, 0xffffffff];
const TYPES = ['Runtime.Mine', '', 'x'.repeat(3_000), `a\t${FORGED}`, 'Ünicode'];
const CAUSES = ['', '{}', '{"working_directory":"/","exceptions":[],"paths":[]}', '['.repeat(30_000)];
const BODIES = ['"ok"', '', '{', '\0', `"${'x'.repeat(70_000)}"`, '['.repeat(20_000), `"${FORGED}"`];

function frame(draw: Draw, { requestId }: LocalNames): Buffer {
  const lines = [draw.pick([requestId, requestId, 'x', '', `${requestId}\r`, 'x'.repeat(9_000)])];
  if (draw.chance(0.5)) lines.push(draw.pick(TYPES));
  if (draw.chance(0.3)) lines.push(draw.pick(CAUSES));
  if (draw.chance(0.1)) lines.push('one more', '\n\n');
  const fields = Buffer.from(lines.join('\n'), 'latin1');
  const body = draw.chance(0.1) ? draw.bytes(draw.below(2_000)) : Buffer.from(draw.pick(BODIES));
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(draw.pick(KINDS), 0);
  head.writeUInt32BE(draw.chance(0.1) ? draw.pick(LENGTHS) : fields.length, 4);
  head.writeUInt32BE(draw.chance(0.1) ? draw.pick(LENGTHS) : body.length, 8);
  return Buffer.concat([head, fields, body]);
}

/** The pieces of one connection: whole frames, lying ones, what is none, cut anywhere, all after one request of HTTP. */
export function hostileFrames(draw: Draw, names: LocalNames): Buffer[] {
  const frames = Array.from({ length: 1 + draw.below(FRAMES_MAX) }, () => frame(draw, names));
  if (draw.chance(0.1)) frames.push(draw.bytes(draw.below(500)));
  if (draw.chance(0.1)) frames.push(UPGRADE);
  const all = Buffer.concat([UPGRADE, ...frames]);
  const said = draw.chance(0.2) ? all.subarray(0, draw.below(all.length)) : all;
  const cuts = Array.from({ length: draw.below(CUTS_MAX) }, () => draw.below(said.length)).sort((a, b) => a - b);
  return [0, ...cuts].map((from, at) => said.subarray(from, cuts[at])).filter((piece) => piece.length > 0);
}
