import type { SegmentDocument, SegmentOwner } from '../invoke/segment-document.ts';

/** A document as it goes out: our own, or one of a function's, which may hold anything. */
export type AnySegment = Readonly<Partial<SegmentDocument>> & Readonly<Record<string, unknown>>;

/** Where segments go. Nothing of it throws or holds anybody up. */
export interface TraceTarget {
  readonly name: 'xray' | 'otlp';
  /** Documents by what became of them; they only grow. */
  readonly counts: TraceCounts;
  /** `datagram`: the same as a function sent it. */
  send(segment: AnySegment, owner: SegmentOwner, datagram?: Buffer): void;
  /** Sends what waits, for so long and no longer, and takes nothing any more. Never rejects. */
  close(withinMs: number): Promise<void>;
}

export interface TraceCounts {
  /** Given away; a datagram that nobody takes may be among these too. */
  sent: number;
  /** For want of room, or because the other side took them not. */
  dropped: number;
}

/** Says a trouble once, until it is over. */
export function noteOnce(note: (line: string) => void): { trouble(text: string): void; over(): void } {
  let isSaid = false;
  return {
    trouble: (text) => {
      if (!isSaid) note(`${text}; segments of traces are dropped until that is over`);
      isSaid = true;
    },
    over: () => {
      isSaid = false;
    },
  };
}
