/** X-Ray's segment documents, in their own words: what tells of one piece of work within a trace. */

/** Where finished segments go. */
export interface SegmentSink {
  /** Never throws and never waits: what cannot be taken is dropped and counted. */
  send(document: SegmentDocument, owner: SegmentOwner): void;
}

/** The function whose segment a document is. */
export interface SegmentOwner {
  readonly account: string;
  readonly region: string;
  readonly functionName: string;
}

export interface SegmentDocument extends SubsegmentDocument {
  readonly trace_id: string;
  /** Of the segment, or of the subsegment, that it is a part of. */
  readonly parent_id?: string;
  /** Set for a subsegment that is sent by itself. */
  readonly type?: 'subsegment';
  readonly origin?: 'AWS::Lambda' | 'AWS::Lambda::Function';
  readonly resource_arn?: string;
}

export interface SubsegmentDocument {
  readonly name: string;
  /** 16 hexadecimal digits. */
  readonly id: string;
  /** Epoch seconds with fractions, as end_time. */
  readonly start_time: number;
  readonly end_time: number;
  /** 5xx, or the function's failure. */
  readonly fault?: true;
  /** 4xx. */
  readonly error?: true;
  /** 429; `error` is set too. */
  readonly throttle?: true;
  readonly http?: { readonly response: { readonly status: number } };
  readonly aws?: Readonly<Record<string, unknown>>;
  readonly cause?: ErrorCause;
  readonly subsegments?: readonly SubsegmentDocument[];
}

/** Why something failed, as runtimes report it. */
export interface ErrorCause {
  readonly working_directory?: string;
  readonly paths?: readonly string[];
  readonly message?: string;
  readonly exceptions: readonly CauseException[];
}

export interface CauseException {
  readonly id?: string;
  readonly type?: string;
  readonly message?: string;
  readonly stack?: readonly CauseFrame[];
}

export interface CauseFrame {
  readonly path?: string;
  readonly line?: number;
  readonly label?: string;
}
