/** Calls of services for which there is no client among the dependencies, or whose client speaks HTTP/2 only. */
const REGION = 'us-east-1';

const TARGETS = {
  kinesis: { prefix: 'Kinesis_20131202', type: 'application/x-amz-json-1.1' },
  dynamodb: { prefix: 'DynamoDB_20120810', type: 'application/x-amz-json-1.0' },
} as const;

export type Calls = (operation: string, input: unknown) => Promise<Record<string, unknown>>;

/** Calls one service of a double of AWS, which checks no signature; `account` stands as the access key. */
export function callsOf(url: string, service: keyof typeof TARGETS, account = '123456789012'): Calls {
  const { prefix, type } = TARGETS[service];
  const scope = `${account}/20260101/${REGION}/${service}/aws4_request`;
  return async (operation, input) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': type,
        'x-amz-target': `${prefix}.${operation}`,
        'x-amz-date': '20260101T000000Z',
        authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=0`,
      },
      body: JSON.stringify(input),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${operation} was refused: ${text}`);
    return text === '' ? {} : JSON.parse(text);
  };
}
