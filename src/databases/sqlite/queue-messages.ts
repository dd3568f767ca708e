import type { ItemOwner, Lane, Line } from '../../store/event-queue.ts';

/** What the queue's two threads say to each other. Details travel as JSON text: the worker never looks into them. */

/** An item on its way into the database: its bytes, or the name of the file that holds them. */
export interface StoredItem extends ItemOwner {
  readonly lane: Lane;
  readonly bornMs: number;
  readonly dueMs: number;
  readonly detail: string;
  readonly payload: Uint8Array | null;
  readonly file: string | null;
}

export interface ItemRow extends StoredItem {
  readonly id: number;
}

export type QueueRead =
  | {
      readonly type: 'due';
      readonly lane: Lane;
      readonly owner: ItemOwner;
      /** Of rows, whether due or not. */
      readonly limit: number;
    }
  | { readonly type: 'lines' }
  | { readonly type: 'files' };

export type QueueWrite =
  | { readonly type: 'accept'; readonly item: StoredItem }
  | { readonly type: 'reschedule'; readonly id: number; readonly dueMs: number; readonly detail: string }
  | { readonly type: 'end'; readonly id: number; readonly following: readonly StoredItem[] }
  | { readonly type: 'advance'; readonly byMs: number };

export type QueueQuestion = QueueRead | QueueWrite;

export type QueueOutcome =
  | { readonly type: 'items'; readonly items: readonly ItemRow[] }
  | { readonly type: 'lines'; readonly lines: readonly Line[] }
  /** Names of the files that items refer to. */
  | { readonly type: 'files'; readonly files: readonly string[] }
  /** False when the item had ended before. */
  | { readonly type: 'done'; readonly found: boolean };
