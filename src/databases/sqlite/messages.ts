import type { EncodedChange } from '../../store/check-request.ts';
import type { Page, RecordKey, RecordKind } from '../../store/metadata.ts';

/** What a store's two threads say to each other. Bodies travel as JSON text: the worker never looks into them. */

export type Question =
  | { readonly type: 'get'; readonly key: RecordKey }
  | { readonly type: 'list'; readonly page: Page }
  | { readonly type: 'scan'; readonly kind: RecordKind; readonly after: RecordKey | undefined; readonly limit: number }
  | { readonly type: 'commit'; readonly changes: readonly EncodedChange[] };

export type CommitQuestion = Extract<Question, { type: 'commit' }>;
export type ReadQuestion = Exclude<Question, CommitQuestion>;

export interface Numbered<Question> {
  readonly number: number;
  readonly question: Question;
}

/** `close` comes last: nothing is asked after it. */
export type ToWorker<Question> = { readonly questions: readonly Numbered<Question>[]; readonly close?: boolean };

export interface Row extends RecordKey {
  readonly revision: number;
  readonly body: string;
}

export type Failure =
  | { readonly type: 'conflict'; readonly key: RecordKey }
  | { readonly type: 'full'; readonly message: string }
  | { readonly type: 'error'; readonly message: string };

export type Outcome =
  | { readonly type: 'rows'; readonly rows: readonly Row[] }
  | { readonly type: 'revisions'; readonly revisions: readonly number[] };

export interface FailureOutcome {
  readonly type: 'failure';
  readonly failure: Failure;
}

export interface Answer<Outcome> {
  readonly number: number;
  readonly outcome: Outcome | FailureOutcome;
}

/** `said`, for people: that it was damaged and has been mended. `opened` or `refused` comes first and once; a worker that refused ends by itself, one that closed too. */
export type FromWorker<Outcome> =
  | { readonly type: 'opened'; readonly said: string | undefined }
  | { readonly type: 'refused'; readonly failure: Failure }
  | { readonly type: 'answers'; readonly answers: readonly Answer<Outcome>[] };

export interface WorkerSettings {
  readonly path: string;
}
