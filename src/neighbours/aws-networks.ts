import type { Namespace } from '../store/namespace.ts';
import { type Link, unreachable } from './link.ts';
import type { Networks } from './neighbours.ts';
import { queryCall } from './query-call.ts';
import { elementsOf } from './xml.ts';

/** It is kept in records. */
const VPC_ID_CHARACTERS_MAX = 1_024;

const VERSION = '2016-11-15';

/** EC2: subnets and security groups. */
export function awsNetworks(link: Link): Networks {
  return {
    async describeSubnets(namespace, subnetIds) {
      const vpcIds = await vpcsOf(link, namespace, 'DescribeSubnets', 'SubnetId', subnetIds);
      const [vpcId] = vpcIds;
      if (vpcId === undefined) throw unreachable(link, 'DescribeSubnets', 'no subnet has a VPC');
      if (vpcId.length > VPC_ID_CHARACTERS_MAX) throw unreachable(link, 'DescribeSubnets', 'a VPC with an endless id');
      return { vpcId, vpcIds };
    },
    async describeSecurityGroups(namespace, groupIds) {
      return { vpcIds: await vpcsOf(link, namespace, 'DescribeSecurityGroups', 'GroupId', groupIds) };
    },
  };
}

/** The VPCs that the resources are in, each once, in the order in which they come. */
async function vpcsOf(
  link: Link,
  namespace: Namespace,
  action: string,
  parameter: string,
  ids: readonly string[],
): Promise<readonly string[]> {
  const parameters = ids.map((id, index) => [`${parameter}.${index + 1}`, id] as const);
  const answer = await queryCall(link, namespace, { action, version: VERSION, parameters, resource: ids[0] });
  return [...new Set([...elementsOf(answer, 'vpcId')].map(({ text }) => text.trim()))];
}
