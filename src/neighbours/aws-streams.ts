/** Kinesis streams and their consumers, and streams of DynamoDB tables: looked at, to say whether they are there. */
import { ask, type Link } from './link.ts';
import type { Streams } from './neighbours.ts';
import { partsOfArn } from './resource-arn.ts';
import { sdkClients } from './sdk-clients.ts';

/** `stream/name/consumer/name:1700000000` */
const CONSUMER = /^stream\/[^/]+\/consumer\//;

export function awsKinesis(link: Link): Streams {
  const clientOf = sdkClients(link, async () => {
    const { KinesisClient } = await import('@aws-sdk/client-kinesis');
    return (settings) => new KinesisClient(settings);
  });
  return {
    async describeStream(namespace, streamArn) {
      const { region, resource } = partsOfArn(streamArn);
      const client = await clientOf({ account: namespace.account, region: region || namespace.region });
      const kinesis = await import('@aws-sdk/client-kinesis');
      if (CONSUMER.test(resource)) {
        const command = new kinesis.DescribeStreamConsumerCommand({ ConsumerARN: streamArn });
        await ask(link, 'DescribeStreamConsumer', (abortSignal) => client.send(command, { abortSignal }));
        return;
      }
      const command = new kinesis.DescribeStreamSummaryCommand({ StreamARN: streamArn });
      await ask(link, 'DescribeStreamSummary', (abortSignal) => client.send(command, { abortSignal }));
    },
  };
}

export function awsDynamoStreams(link: Link): Streams {
  const clientOf = sdkClients(link, async () => {
    const { DynamoDBStreamsClient } = await import('@aws-sdk/client-dynamodb-streams');
    return (settings) => new DynamoDBStreamsClient(settings);
  });
  return {
    async describeStream(namespace, streamArn) {
      const client = await clientOf({
        account: namespace.account,
        region: partsOfArn(streamArn).region || namespace.region,
      });
      const { DescribeStreamCommand } = await import('@aws-sdk/client-dynamodb-streams');
      const command = new DescribeStreamCommand({ StreamArn: streamArn, Limit: 1 });
      await ask(link, 'DescribeStream', (abortSignal) => client.send(command, { abortSignal }));
    },
  };
}
