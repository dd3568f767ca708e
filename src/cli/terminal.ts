import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';

/** How long a step may take in silence. */
const SILENT_MS = 1000;
/** Between two changes of the progress line on a terminal, and between two lines elsewhere. */
const REDRAW_MS = 250;
const REPEAT_MS = 10_000;

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** Where a command writes: results on stdout, everything said about them on stderr. */
export interface Terminal {
  /** A person reads stdout. */
  readonly outIsTty: boolean;
  /** One line of the result. */
  out(line: string): void;
  outBytes(bytes: Uint8Array): void;
  /** One line for people: notes, hints, errors. */
  note(line: string): void;
  /** Styles text for stdout; plain text when it is no terminal or NO_COLOR is set. */
  paint(style: Style, text: string): string;
  /** The same for stderr. */
  paintNote(style: Style, text: string): string;
  /** Waits for `work` and tells on stderr that it is going on once that takes more than a second. */
  during<T>(label: () => string, work: Promise<T>): Promise<T>;
  /** Asks a yes-or-no question; undefined when nobody is there to answer. */
  confirm(question: string): Promise<boolean | undefined>;
}

interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

export function openTerminal(streams: Streams, env: Readonly<Record<string, string | undefined>>): Terminal {
  const { stdin, stdout, stderr } = streams;
  const painted = (stream: NodeJS.WriteStream) => Boolean(stream.isTTY) && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const paint = (stream: NodeJS.WriteStream) => (style: Style, text: string) =>
    painted(stream) ? styleText(style, text, { validateStream: false }) : text;
  return {
    outIsTty: Boolean(stdout.isTTY),
    out: (line) => stdout.write(`${line}\n`),
    outBytes: (bytes) => stdout.write(bytes),
    note: (line) => stderr.write(`${line}\n`),
    paint: paint(stdout),
    paintNote: paint(stderr),
    during: (label, work) => during(stderr, label, work),
    async confirm(question) {
      if (!stdin.isTTY || !stderr.isTTY) return undefined;
      const lines = createInterface({ input: stdin, output: stderr });
      try {
        return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
      } finally {
        lines.close();
      }
    },
  };
}

async function during<T>(stderr: NodeJS.WriteStream, label: () => string, work: Promise<T>): Promise<T> {
  const tty = Boolean(stderr.isTTY);
  let drawn = false;
  let repeat: NodeJS.Timeout | undefined;
  const draw = () => {
    drawn = true;
    stderr.write(tty ? `\r\u001b[K${label().slice(0, Math.max(20, stderr.columns - 1))}` : `lambdad: ${label()}\n`);
  };
  const first = setTimeout(() => {
    draw();
    repeat = setInterval(draw, tty ? REDRAW_MS : REPEAT_MS);
  }, SILENT_MS);
  try {
    return await work;
  } finally {
    clearTimeout(first);
    clearInterval(repeat);
    if (drawn && tty) stderr.write('\r\u001b[K');
  }
}
