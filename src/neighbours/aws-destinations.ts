/** SQS queues and SNS topics: looked at, to say whether they are there, and sent to. */
import { ask, type Link } from './link.ts';
import type { Asker, MessageAttributes, QueueRecipient, Queues, TopicRecipient, Topics } from './neighbours.ts';
import { partsOfArn } from './resource-arn.ts';
import { inRegion, sdkClients } from './sdk-clients.ts';

export function awsQueues(link: Link): Queues & QueueRecipient {
  const clientOf = sdkClients(link, async () => {
    const { SQSClient } = await import('@aws-sdk/client-sqs');
    // The queue's own URL may carry a name under which only the double itself knows its address.
    return (settings) => new SQSClient({ ...settings, useQueueUrlAsEndpoint: false });
  });
  const find = async (asker: Asker, queueArn: string) => {
    const { region, account, resource } = partsOfArn(queueArn);
    const client = await clientOf(inRegion(asker, region));
    const { GetQueueUrlCommand } = await import('@aws-sdk/client-sqs');
    const command = new GetQueueUrlCommand({
      QueueName: resource,
      ...(account === '' ? {} : { QueueOwnerAWSAccountId: account }),
    });
    const { QueueUrl } = await ask(link, 'GetQueueUrl', (abortSignal) => client.send(command, { abortSignal }));
    return { client, QueueUrl };
  };
  return {
    async getQueue(namespace, queueArn) {
      const { client, QueueUrl } = await find(namespace, queueArn);
      const { GetQueueAttributesCommand } = await import('@aws-sdk/client-sqs');
      const look = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] });
      const answer = await ask(link, 'GetQueueAttributes', (abortSignal) => client.send(look, { abortSignal }));
      return answer.Attributes ?? {};
    },
    async sendMessage(asker, queueArn, body, attributes) {
      const { client, QueueUrl } = await find(asker, queueArn);
      const { SendMessageCommand } = await import('@aws-sdk/client-sqs');
      const command = new SendMessageCommand({
        QueueUrl,
        MessageBody: body,
        MessageAttributes: attributeMap(attributes),
      });
      await ask(link, 'SendMessage', (abortSignal) => client.send(command, { abortSignal }));
    },
  };
}

export function awsTopics(link: Link): Topics & TopicRecipient {
  const clientOf = sdkClients(link, async () => {
    const { SNSClient } = await import('@aws-sdk/client-sns');
    return (settings) => new SNSClient(settings);
  });
  const clientFor = (asker: Asker, topicArn: string) => clientOf(inRegion(asker, partsOfArn(topicArn).region));
  return {
    async getTopic(namespace, topicArn) {
      const client = await clientFor(namespace, topicArn);
      const { GetTopicAttributesCommand } = await import('@aws-sdk/client-sns');
      const command = new GetTopicAttributesCommand({ TopicArn: topicArn });
      await ask(link, 'GetTopicAttributes', (abortSignal) => client.send(command, { abortSignal }));
    },
    async publish(asker, topicArn, message, attributes) {
      const client = await clientFor(asker, topicArn);
      const { PublishCommand } = await import('@aws-sdk/client-sns');
      const command = new PublishCommand({
        TopicArn: topicArn,
        Message: message,
        MessageAttributes: attributeMap(attributes),
      });
      await ask(link, 'Publish', (abortSignal) => client.send(command, { abortSignal }));
    },
  };
}

/** As both services write them. */
function attributeMap(attributes: MessageAttributes) {
  const entries = Object.entries(attributes);
  return Object.fromEntries(entries.map(([name, { type, value }]) => [name, { DataType: type, StringValue: value }]));
}
