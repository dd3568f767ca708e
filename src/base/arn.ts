/** Partitions by the beginning of the region's name; every other region belongs to `aws`. */
const PARTITIONS: readonly (readonly [prefix: string, partition: string])[] = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
  ['us-isob-', 'aws-iso-b'],
  ['us-isof-', 'aws-iso-f'],
  ['us-iso-', 'aws-iso'],
  ['eu-isoe-', 'aws-iso-e'],
  ['eusc-', 'aws-eusc'],
];

/** The second part of every ARN of a region: `aws`, `aws-cn`, … */
export function partitionOf(region: string): string {
  for (const [prefix, partition] of PARTITIONS) if (region.startsWith(prefix)) return partition;
  return 'aws';
}

/** ARN of a Lambda resource; `resource` is what follows the account, such as `function:my-function`. */
export function lambdaArn(region: string, account: string, resource: string): string {
  return `arn:${partitionOf(region)}:lambda:${region}:${account}:${resource}`;
}

/** ARN of a function, with `qualifier` of one of its versions or aliases. */
export function functionArn(region: string, account: string, name: string, qualifier?: string): string {
  const arn = lambdaArn(region, account, `function:${name}`);
  return qualifier === undefined ? arn : `${arn}:${qualifier}`;
}
