/** Heads are short: what is longer is no answer. */
const HEAD_BYTES_MAX = 16_384;
const CRLF2 = Buffer.from('\r\n\r\n');
const EMPTY = Buffer.alloc(0);

export interface HttpAnswer {
  readonly status: number;
  /** The answer is here as a whole, and the connection can take the next request. */
  readonly reusable: boolean;
}

/** Reads the head of one HTTP/1 answer; who writes it is a stranger. */
export class HttpAnswerReader {
  #bytes: Buffer = EMPTY;
  #readBytes = 0;

  /** True when anything came at all. */
  get hasBegun(): boolean {
    return this.#readBytes > 0;
  }

  /** The answer, once its head is whole; throws when this is none. */
  feed(chunk: Buffer): HttpAnswer | undefined {
    this.#readBytes += chunk.length;
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      const end = this.#bytes.indexOf(CRLF2);
      const isTooLong = end < 0 ? this.#readBytes > HEAD_BYTES_MAX : end > HEAD_BYTES_MAX;
      if (isTooLong) throw new Error('the head of the answer is too long');
      if (end < 0) return undefined;
      const head = this.#bytes.toString('latin1', 0, end);
      this.#bytes = this.#bytes.subarray(end + CRLF2.length);
      const answer = this.#answer(head);
      // `100 Continue` and its kin come before the answer proper.
      if (answer.status >= 200) return answer;
    }
  }

  #answer(head: string): HttpAnswer {
    const [statusLine = '', ...fields] = head.split('\r\n');
    const match = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/.exec(statusLine);
    if (!match) throw new Error('the answer is not HTTP');
    const field = (name: string) => {
      const line = fields.find((it) => it.toLowerCase().startsWith(`${name}:`));
      return line
        ?.slice(name.length + 1)
        .trim()
        .toLowerCase();
    };
    const isKept = match[1] === '1' && field('connection') !== 'close' && field('transfer-encoding') === undefined;
    return { status: Number(match[2]), reusable: isKept && field('content-length') === String(this.#bytes.length) };
  }
}
