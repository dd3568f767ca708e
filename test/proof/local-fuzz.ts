/** The handler of the function that attacks the local APIs of its own environment. */
import { caseSeed, Draw } from './draw.ts';
import { exchange } from './exchange.ts';
import { hostileFrames } from './hostile-frames.ts';
import { spoil } from './hostile-http.ts';
import { localRequest } from './local-requests.ts';

export interface LocalFuzzEvent {
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** Whether the running invocation is meant, which the function then cannot answer itself for sure. */
  readonly own?: boolean;
}

const CONNECTIONS = 8;
const WAIT_MS = 20_000;
/** Of all connections. */
const FRAMES_SHARE = 0.2;
const NOBODY = '00000000-0000-4000-8000-000000000000';

export async function handler(event: LocalFuzzEvent, context: { readonly awsRequestId: string }) {
  const port = Number(process.env['AWS_LAMBDA_RUNTIME_API']?.split(':')[1]);
  const names = { requestId: event.own ? context.awsRequestId : NOBODY, extensionId: NOBODY };
  const harms: string[] = [];
  let sent = 0;
  let switched = 0;
  let next = event.from;
  const lane = async () => {
    while (next < event.from + event.count) {
      const seed = caseSeed(event.seed, next++);
      const draw = new Draw(seed);
      const isFramed = draw.chance(FRAMES_SHARE);
      const { how, pieces } = isFramed
        ? { how: 'frames', pieces: hostileFrames(draw, names) }
        : spoil(draw, localRequest(draw, names));
      const { text, closed } = await exchange(port, pieces, WAIT_MS);
      sent++;
      if (isFramed && text.startsWith('HTTP/1.1 101 ')) switched++;
      if (!closed || text.includes('HTTP/1.1 5')) harms.push(`seed ${seed}, ${how}: ${closed} ${text.slice(0, 300)}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  return { sent, switched, harms };
}
