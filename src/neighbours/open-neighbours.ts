import { awsQueues, awsTopics } from './aws-destinations.ts';
import { awsFileSystems } from './aws-file-systems.ts';
import { awsKeyService } from './aws-key-service.ts';
import { awsNetworks } from './aws-networks.ts';
import { awsObjectStore } from './aws-object-store.ts';
import { awsRoleSessions } from './aws-role-sessions.ts';
import { awsRoles } from './aws-roles.ts';
import { awsSigners } from './aws-signers.ts';
import { awsDynamoStreams, awsKinesis } from './aws-streams.ts';
import { type Link, type LinkOptions, linkTo } from './link.ts';
import type { Neighbours } from './neighbours.ts';

const adapters: { readonly [Name in keyof Neighbours]-?: (link: Link) => NonNullable<Neighbours[Name]> } = {
  s3: awsObjectStore,
  kms: awsKeyService,
  ec2: awsNetworks,
  iam: awsRoles,
  efs: awsFileSystems,
  signer: awsSigners,
  sqs: awsQueues,
  sns: awsTopics,
  kinesis: awsKinesis,
  'dynamodb-streams': awsDynamoStreams,
  sts: awsRoleSessions,
};

/** The neighbours that have an address. Nothing is asked or loaded before the first question. */
export function openNeighbours(options: LinkOptions): Neighbours {
  const opened = Object.entries(adapters).flatMap(([name, adapter]) => {
    const link = linkTo(name as keyof Neighbours, options);
    return link === undefined ? [] : [[name, adapter(link)]];
  });
  return Object.freeze(Object.fromEntries(opened));
}
