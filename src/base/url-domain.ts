/** Where the host form of function URLs is served: `<url-id>.lambda-url.<region>.<host>`. */
export interface UrlDomain {
  readonly protocol: 'http:' | 'https:';
  /** A name, with a port where another server in front of this one has it. */
  readonly host: string;
}

const FORM = /^(https?:)?(?:\/\/)?((?:[a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}(?::\d{1,5})?)\/?$/;

/** Reads `localhost` or `https://HOST:PORT`; undefined when it is neither. */
export function readUrlDomain(text: string): UrlDomain | undefined {
  const [, protocol, host] = FORM.exec(text) ?? [];
  return host === undefined ? undefined : { protocol: protocol === 'https:' ? 'https:' : 'http:', host };
}
