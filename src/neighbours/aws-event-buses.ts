import { ask, cut, type Link } from './link.ts';
import { type EventBuses, NeighbourRefusal } from './neighbours.ts';
import { partsOfArn } from './resource-arn.ts';
import { inRegion, sdkClients } from './sdk-clients.ts';

/** Error codes of one event in an answer that is none: EventBridge was not well, or too busy. */
const FAULTS: ReadonlySet<string> = new Set(['InternalException', 'InternalFailure', 'ThrottlingException']);

/** EventBridge. */
export function awsEventBuses(link: Link): EventBuses {
  const clientOf = sdkClients(link, async () => {
    const { EventBridgeClient } = await import('@aws-sdk/client-eventbridge');
    return (settings) => new EventBridgeClient(settings);
  });
  return {
    async putEvent(asker, busArn, { source, detailType, resources, detail, timeMs }) {
      const client = await clientOf(inRegion(asker, partsOfArn(busArn).region));
      const { PutEventsCommand } = await import('@aws-sdk/client-eventbridge');
      const command = new PutEventsCommand({
        Entries: [
          {
            EventBusName: busArn,
            Source: source,
            DetailType: detailType,
            Resources: [...resources],
            Detail: detail,
            Time: new Date(timeMs),
          },
        ],
      });
      const { Entries = [] } = await ask(link, 'PutEvents', (abortSignal) => client.send(command, { abortSignal }));
      const { ErrorCode: code, ErrorMessage: message = '' } = Entries[0] ?? {};
      if (code)
        throw new NeighbourRefusal(link.neighbour, 'PutEvents', cut(code), cut(message), { isFault: FAULTS.has(code) });
    },
  };
}
