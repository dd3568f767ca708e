/** Under which address a function URL is reached: the one that callers are told works as it stands. */
import type { UrlDomain } from '../base/url-domain.ts';
import type { Namespace } from '../store/namespace.ts';

export interface UrlAddresses {
  /** The address of one URL, for a client that reached the API at `origin` (`http://host:port`). */
  of(namespace: Namespace, urlId: string, origin: string): string;
}

/**
 * `http://<the API's own host>:<port>/<url-id>/`, or with a domain `http://<url-id>.lambda-url.<region>.<domain>:<port>/`.
 * The port is known once URLs are listened for.
 */
export class FunctionUrlAddresses implements UrlAddresses {
  readonly #domain: UrlDomain | undefined;
  #port: number;

  constructor(domain: UrlDomain | undefined, port: number) {
    this.#domain = domain;
    this.#port = port;
  }

  listensAt(port: number): void {
    this.#port = port;
  }

  of({ region }: Namespace, urlId: string, origin: string): string {
    if (this.#domain === undefined) return `http://${new URL(origin).hostname}:${this.#port}/${urlId}/`;
    const { protocol, host } = this.#domain;
    const port = host.includes(':') || protocol === 'https:' ? '' : `:${this.#port}`;
    return `${protocol}//${urlId}.lambda-url.${region}.${host}${port}/`;
  }
}
