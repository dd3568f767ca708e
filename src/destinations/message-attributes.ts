import type { Delivery } from '../invoke/async-destinations.ts';
import type { MessageAttributes } from '../neighbours/neighbours.ts';

/** Dead letters have attributes, records have none (lambda-facts 7.3). */
export function messageAttributes({ attributes }: Delivery): MessageAttributes {
  if (attributes === undefined) return {};
  const { RequestID, ErrorCode, ErrorMessage } = attributes;
  return {
    RequestID: { type: 'String', value: RequestID },
    ...(ErrorCode === undefined ? {} : { ErrorCode: { type: 'Number', value: ErrorCode } }),
    ...(ErrorMessage === undefined ? {} : { ErrorMessage: { type: 'String', value: ErrorMessage } }),
  };
}
