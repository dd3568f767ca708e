import type { Namespace } from '../store/namespace.ts';
import { type Link, unreachable } from './link.ts';
import type { RoleSessions } from './neighbours.ts';
import { queryCall } from './query-call.ts';
import { textOf } from './xml.ts';

const VERSION = '2011-06-15';
/** What every role allows: longer sessions are each role's own setting. */
const SESSION_S = 3600;
/** STS takes no shorter name, and a function may have one of a single letter. */
const SESSION_NAME_CHARACTERS_MIN = 2;

/** STS. */
export function awsRoleSessions(link: Link): RoleSessions {
  return {
    async assumeRole(namespace, roleArn, sessionName) {
      const action = 'AssumeRole';
      const answer = await queryCall(link, namespace, {
        action,
        version: VERSION,
        parameters: [
          ['RoleArn', roleArn],
          ['RoleSessionName', sessionName.padEnd(SESSION_NAME_CHARACTERS_MIN, '-')],
          ['DurationSeconds', String(SESSION_S)],
        ],
        region: signingRegion(link, namespace),
        resource: roleArn,
      });
      const member = (name: string) => {
        const value = textOf(answer, name);
        if (!value) throw unreachable(link, action, `no ${name} in it`);
        return value;
      };
      const expiresAtMs = Date.parse(member('Expiration'));
      if (Number.isNaN(expiresAtMs)) throw unreachable(link, action, 'no date in its Expiration');
      const credentials = {
        accessKeyId: member('AccessKeyId'),
        secretAccessKey: member('SecretAccessKey'),
        sessionToken: member('SessionToken'),
      };
      return { credentials, expiresAtMs };
    },
  };
}

const AWS_HOST = /^sts(?:-fips)?(?:\.([a-z]+(?:-[a-z]+)+-\d))?\.amazonaws\.com(?:\.cn)?$/;

/** AWS's own endpoints take signatures for their own region only; the one without a region is that of us-east-1. */
function signingRegion({ endpoint }: Link, { region }: Namespace): string {
  const match = AWS_HOST.exec(new URL(endpoint).hostname);
  return match === null ? region : (match[1] ?? 'us-east-1');
}
