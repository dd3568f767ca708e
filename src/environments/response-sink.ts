/** Takes a response while the function writes it. Called only between the delivery of the event and the answer. */
export interface ResponseSink {
  /** At most once, before the first piece: the function streams, and this is the type it gave. */
  begin(contentType: string): void;
  /** Keeps a piece. False when there is no more room: then `onRoom` is called, once, as soon as there is. */
  write(piece: Uint8Array, onRoom: () => void): boolean;
}

/** The type of a streamed response that has none. */
export const OCTETS = 'application/octet-stream';
