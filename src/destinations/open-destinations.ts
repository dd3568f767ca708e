import { type Delivery, DeliveryRefused, type DestinationPort } from '../invoke/async-destinations.ts';
import type { Asker, NeighbourName, Recipients } from '../neighbours/neighbours.ts';
import { partsOfArn } from '../neighbours/resource-arn.ts';
import type { ItemOwner } from '../store/event-queue.ts';
import { putOnBus } from './event-bridge.ts';
import { type FunctionTools, invokeTarget } from './lambda.ts';
import { putIntoBucket } from './s3.ts';
import { publishToTopic } from './sns.ts';
import { sendToQueue } from './sqs.ts';

export interface DestinationOptions {
  /** The services, at the endpoints and with the credentials that everything else asks them with. */
  readonly neighbours: Recipients;
  /** Handed in late: what accepts events is made with these destinations. */
  readonly functions: () => FunctionTools;
}

/** The places that records of asynchronous invokes are sent to, by the service in their ARN. */
export function openDestinations({ neighbours, functions }: DestinationOptions): DestinationPort {
  return {
    isConfigured: (neighbour: NeighbourName) => neighbours[neighbour as keyof Recipients] !== undefined,
    async send({ account, region, functionName }: ItemOwner, delivery: Delivery, body: Uint8Array) {
      const { roleArn } = delivery;
      const namespace = { account, region };
      const asker: Asker = roleArn === undefined ? namespace : { ...namespace, actingAs: { functionName, roleArn } };
      const { service, resource } = partsOfArn(delivery.target);
      // AWS takes such targets when they are set, and delivers nothing to them.
      if (resource.endsWith('.fifo')) throw new DeliveryRefused('FIFO queues and topics take no such messages');
      switch (service) {
        case 'sqs':
          return await sendToQueue(configured(neighbours.sqs), asker, delivery, body);
        case 'sns':
          return await publishToTopic(configured(neighbours.sns), asker, delivery, body);
        case 'events':
          return await putOnBus(configured(neighbours.eventbridge), asker, delivery, body);
        case 's3':
          return await putIntoBucket(configured(neighbours.s3), asker, delivery, body);
        case 'lambda':
          return await invokeTarget(functions(), namespace, delivery, body);
        default:
          throw new DeliveryRefused(`nothing can be delivered to ${service}`);
      }
    },
  };
}

/** An endpoint may have been there when the event ended, and be gone since the server was started anew. */
function configured<Service>(service: Service | undefined): Service {
  if (service === undefined) throw new DeliveryRefused('no endpoint is configured for it any more');
  return service;
}
