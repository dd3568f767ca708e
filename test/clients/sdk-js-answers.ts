// How the story of @aws-sdk/client-lambda reads errors and pages.
import assert from 'node:assert/strict';
import {
  CodeSigningConfigNotFoundException,
  InvalidParameterValueException,
  LambdaServiceException,
  PreconditionFailedException,
  ProvisionedConcurrencyConfigNotFoundException,
  ResourceConflictException,
  ResourceNotFoundException,
} from '@aws-sdk/client-lambda';
import type { Failure } from './story.ts';

/** The classes that the table of errors names; what the model does not know arrives as the service's own class. */
const classes: Record<string, new (...args: never[]) => Error> = {
  CodeSigningConfigNotFoundException,
  InvalidParameterValueException,
  PreconditionFailedException,
  ProvisionedConcurrencyConfigNotFoundException,
  ResourceConflictException,
  ResourceNotFoundException,
  ValidationException: LambdaServiceException,
};

/** All members of all pages, and how many pages there were. */
export async function gather<Page, Item>(pages: AsyncIterable<Page>, members: (page: Page) => Item[] | undefined) {
  const items: Item[] = [];
  let count = 0;
  for await (const page of pages) {
    items.push(...(members(page) ?? []));
    count++;
  }
  return { items, count };
}

/** The call must fail as the table says: in its class, with its name and the beginning of its text. */
export async function assertFails(promise: Promise<unknown>, { code, message }: Failure): Promise<void> {
  await assert.rejects(promise, (error: Error) => {
    assert.ok(error instanceof (classes[code] as new () => Error), `${error}`);
    assert.equal(error.name, code);
    assert.equal(error.message.slice(0, message.length), message);
    return true;
  });
}
