import type { Clock } from '../base/clock.ts';
import { awsQueues, awsTopics } from './aws-destinations.ts';
import { awsEventBuses } from './aws-event-buses.ts';
import { awsFileSystems } from './aws-file-systems.ts';
import { awsKeyService } from './aws-key-service.ts';
import { awsNetworks } from './aws-networks.ts';
import { awsObjectStore } from './aws-object-store.ts';
import { awsRoleSessions } from './aws-role-sessions.ts';
import { awsRoles } from './aws-roles.ts';
import { awsSigners } from './aws-signers.ts';
import { awsDynamoStreams, awsKinesis } from './aws-streams.ts';
import { type Link, type LinkOptions, linkTo } from './link.ts';
import type { Neighbours, Recipients } from './neighbours.ts';
import { RememberedSessions } from './remembered-sessions.ts';

type Opened = Neighbours & Recipients;

const adapters: { readonly [Name in keyof Opened]-?: (link: Link) => NonNullable<Opened[Name]> } = {
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
  eventbridge: awsEventBuses,
  sts: awsRoleSessions,
};

export interface NeighbourOptions extends LinkOptions {
  /** Functions that send something act in their roles, which STS gives sessions of, if there is one. */
  readonly roles?: { readonly clock: Pick<Clock, 'now'> } | undefined;
}

/** The neighbours that have an address. Nothing is asked or loaded before the first question. */
export function openNeighbours(options: NeighbourOptions): Opened {
  const sessions = openSessions(options);
  const opened = Object.entries(adapters).flatMap(([name, adapter]) => {
    const link = linkTo(name as keyof Neighbours, { ...options, sessions });
    return link === undefined ? [] : [[name, adapter(link)]];
  });
  return Object.freeze(Object.fromEntries(opened));
}

/** Sessions of the roles of functions; undefined where functions do not act in them. */
export function openSessions({ roles, ...options }: NeighbourOptions): RememberedSessions | undefined {
  const sts = roles && linkTo('sts', options);
  return sts && new RememberedSessions(awsRoleSessions(sts), roles.clock);
}
