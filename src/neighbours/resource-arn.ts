/** `arn:partition:service:region:account:resource`, taken apart; what is missing is ''. */
export function partsOfArn(arn: string): {
  readonly service: string;
  readonly region: string;
  readonly account: string;
  /** All that follows the account, colons and slashes included. */
  readonly resource: string;
} {
  const [, , service = '', region = '', account = '', ...resource] = arn.split(':');
  return { service, region, account, resource: resource.join(':') };
}
