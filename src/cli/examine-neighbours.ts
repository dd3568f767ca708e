import http from 'node:http';
import https from 'node:https';
import { neighbourNames } from '../base/endpoints.ts';
import { inertSettingsOf, inertText } from '../base/inert-settings.ts';
import type { Config } from '../config.ts';
import type { FunctionConfiguration } from '../model/types.gen.ts';
import { type Client, withClient } from './client.ts';
import type { Connection } from './connection.ts';
import { type Finding, lack, note, ok } from './finding.ts';
import { callLambda } from './lambda-api.ts';

const ANSWER_MS_MAX = 2000;
/** Functions that are looked at, and of those the ones that are named. */
const FUNCTIONS_MAX = 1000;
const NAMED_MAX = 20;

/**
 * The services that settings point at, as a server started from here would see them: whether each that is configured
 * answers at all, and which functions of the server at `connection` have settings that point at one that is not.
 */
export async function examineNeighbours(config: Config, connection: Connection): Promise<Finding[]> {
  const addresses = Map.groupBy(Object.entries(config.endpoints), ([, url]) => url);
  const [answering, inert] = await Promise.all([
    Promise.all(
      [...addresses].map(([url, entries]) =>
        examineEndpoint(
          url,
          entries.map(([name]) => name),
        ),
      ),
    ),
    examineFunctions(config, connection),
  ]);
  return [...answering, absentFinding(config), ...inert].filter((finding) => finding !== undefined);
}

/** Any answer of HTTP will do: what lies behind it tells with the first function that needs it. */
async function examineEndpoint(url: string, names: readonly string[]): Promise<Finding> {
  const trouble = await new Promise<string | undefined>((resolve) => {
    const options = { timeout: ANSWER_MS_MAX, agent: false } as const;
    const request = (url.startsWith('https:') ? https : http).get(url, options, (response) => {
      response.resume();
      resolve(undefined);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${ANSWER_MS_MAX / 1000} s`)));
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  const name = names.join(', ');
  if (trouble === undefined) return ok('neighbours', name, `answers at ${url}`);
  return lack('neighbours', name, `${url}: ${trouble}`, [
    '# start it, or unset its AWS_ENDPOINT_URL… where lambdad starts; until then what needs it is refused',
  ]);
}

function absentFinding(config: Config): Finding | undefined {
  const absent = neighbourNames.filter((name) => config.endpoints[name] === undefined);
  if (absent.length === 0) return undefined;
  const effect = 'settings that point there are kept and have no effect; roles are not looked at without iam';
  return note('neighbours', 'not configured', `${absent.join(', ')}: ${effect}`);
}

async function examineFunctions(config: Config, connection: Connection): Promise<Finding[]> {
  let functions: readonly FunctionConfiguration[];
  try {
    functions = await withClient(connection, firstFunctions);
  } catch {
    // No server, or none that shows this caller its functions: the server's own finding says so.
    return [];
  }
  const named = functions.flatMap((view) => {
    const settings = inertSettingsOf(view, config.endpoints);
    return settings.length === 0
      ? []
      : [note('neighbours', view.FunctionName ?? '', settings.map(inertText).join('; '))];
  });
  if (named.length <= NAMED_MAX) return named;
  const more = `${named.length - NAMED_MAX} more functions have settings without effect`;
  return [...named.slice(0, NAMED_MAX), note('neighbours', '…', more)];
}

async function firstFunctions(client: Client): Promise<FunctionConfiguration[]> {
  const found: FunctionConfiguration[] = [];
  for (let marker: string | undefined; found.length < FUNCTIONS_MAX; ) {
    const page = await callLambda(client, 'ListFunctions', { Marker: marker }, { silenceMsMax: ANSWER_MS_MAX });
    found.push(...(page.Functions ?? []));
    if (!page.NextMarker) break;
    marker = page.NextMarker;
  }
  return found;
}
