/** What a request to the URL listener names: a function URL, and what is behind it. */
import type { IncomingMessage } from 'node:http';
import { splitTarget } from '../../protocol/target.ts';

export interface UrlTarget {
  readonly urlId: string;
  /** As the function sees it; begins with a slash, still percent-encoded. */
  readonly rawPath: string;
  readonly rawQuery: string;
  /** The name by which the client addressed the function; undefined in the path form. */
  readonly domainName: string | undefined;
}

const HOST_FORM = /^([0-9a-f]{32})\.lambda-url\.[a-z0-9-]{1,32}\.[a-z0-9.-]{1,200}$/;
const PATH_FORM = /^\/([0-9a-f]{32})(\/.*)?$/;

/** `<url-id>.lambda-url.<region>.…` as the host, or `/<url-id>/…` as the path. Undefined for anything else. */
export function urlTarget(request: IncomingMessage): UrlTarget | undefined {
  const { path, query: rawQuery } = splitTarget(request.url ?? '/');
  const domainName = (request.headers.host ?? '').toLowerCase().replace(/:\d{1,5}$/, '');
  const [, ofHost] = HOST_FORM.exec(domainName) ?? [];
  if (ofHost !== undefined) return { urlId: ofHost, rawPath: path, rawQuery, domainName };
  const [, ofPath, rawPath = '/'] = PATH_FORM.exec(path) ?? [];
  return ofPath === undefined ? undefined : { urlId: ofPath, rawPath, rawQuery, domainName: undefined };
}
