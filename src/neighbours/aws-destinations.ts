/** SQS queues and SNS topics: looked at, to say whether they are there. */
import { ask, type Link } from './link.ts';
import type { Queues, Topics } from './neighbours.ts';
import { partsOfArn } from './resource-arn.ts';
import { sdkClients } from './sdk-clients.ts';

export function awsQueues(link: Link): Queues {
  const clientOf = sdkClients(link, async () => {
    const { SQSClient } = await import('@aws-sdk/client-sqs');
    // The queue's own URL may carry a name under which only the double itself knows its address.
    return (settings) => new SQSClient({ ...settings, useQueueUrlAsEndpoint: false });
  });
  return {
    async getQueue(namespace, queueArn) {
      const { region, account, resource } = partsOfArn(queueArn);
      const client = await clientOf({ account: namespace.account, region: region || namespace.region });
      const { GetQueueAttributesCommand, GetQueueUrlCommand } = await import('@aws-sdk/client-sqs');
      const find = new GetQueueUrlCommand({
        QueueName: resource,
        ...(account === '' ? {} : { QueueOwnerAWSAccountId: account }),
      });
      const { QueueUrl } = await ask(link, 'GetQueueUrl', (abortSignal) => client.send(find, { abortSignal }));
      const look = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] });
      const answer = await ask(link, 'GetQueueAttributes', (abortSignal) => client.send(look, { abortSignal }));
      return answer.Attributes ?? {};
    },
  };
}

export function awsTopics(link: Link): Topics {
  const clientOf = sdkClients(link, async () => {
    const { SNSClient } = await import('@aws-sdk/client-sns');
    return (settings) => new SNSClient(settings);
  });
  return {
    async getTopic(namespace, topicArn) {
      const client = await clientOf({
        account: namespace.account,
        region: partsOfArn(topicArn).region || namespace.region,
      });
      const { GetTopicAttributesCommand } = await import('@aws-sdk/client-sns');
      const command = new GetTopicAttributesCommand({ TopicArn: topicArn });
      await ask(link, 'GetTopicAttributes', (abortSignal) => client.send(command, { abortSignal }));
    },
  };
}
