// What the client stories share: the users their server runs as, and the function that they deploy.
import { canSwitchUser, nobody, type User } from '../support/readable-checkout.ts';
import { zipOf } from '../support/zip.ts';

/** Each story is told once with a server of whoever runs the tests and, where root runs them, once as nobody. */
export const servers: readonly { readonly title: string; readonly asUser?: User }[] = [
  { title: canSwitchUser ? 'a server of root' : 'a server of an ordinary user' },
  ...(canSwitchUser ? [{ title: 'a server of an ordinary user', asUser: nobody }] : []),
];

export const ROLE = 'arn:aws:iam::000000000000:role/story';

/** A function that greets `event.name`, or fails when asked to. */
export async function greeterZip(greeting: string): Promise<Buffer> {
  const source = `
export const handler = async (event, context) => {
  console.log('greeting', event.name);
  if (event.fail) throw new RangeError('asked to fail');
  const message = ${JSON.stringify(greeting)} + ', ' + event.name + '!';
  return { message, version: context.functionVersion, mood: process.env.MOOD };
};
`;
  return await zipOf({ 'index.mjs': source });
}
