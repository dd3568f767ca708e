import { partitionOf } from '../base/arn.ts';
import type { Namespace } from '../store/namespace.ts';
import { type Link, unreachable } from './link.ts';
import type { Roles } from './neighbours.ts';
import { queryCall } from './query-call.ts';
import { partsOfArn } from './resource-arn.ts';
import { textOf } from './xml.ts';

const VERSION = '2010-05-08';

/** IAM is one service for a partition, and signed for one of its regions. */
const SIGNING_REGIONS: Readonly<Record<string, string>> = {
  aws: 'us-east-1',
  'aws-cn': 'cn-north-1',
  'aws-us-gov': 'us-gov-west-1',
};

/** IAM. */
export function awsRoles(link: Link): Roles {
  return {
    async getRole(namespace, roleArn) {
      const answer = await askAbout(link, namespace, 'GetRole', 'RoleName', roleArn);
      const document = textOf(answer, 'AssumeRolePolicyDocument');
      if (document === undefined) throw unreachable(link, 'GetRole', 'no trust policy in it');
      return { trustPolicy: decoded(document) };
    },
    async getUser(namespace, userArn) {
      await askAbout(link, namespace, 'GetUser', 'UserName', userArn);
    },
  };
}

/** Asks in the account of the ARN. `role/service-role/name`: IAM knows it by the last part, whatever its path. */
async function askAbout(link: Link, namespace: Namespace, action: string, parameter: string, arn: string) {
  const { account, resource } = partsOfArn(arn);
  return await queryCall(
    link,
    { region: namespace.region, account: account === '' ? namespace.account : account },
    {
      action,
      version: VERSION,
      parameters: [[parameter, resource.split('/').at(-1) ?? '']],
      region: SIGNING_REGIONS[partitionOf(namespace.region)] ?? namespace.region,
      resource: arn,
    },
  );
}

/** IAM percent-encodes policy documents. */
function decoded(document: string): string {
  try {
    return decodeURIComponent(document);
  } catch {
    return document;
  }
}
