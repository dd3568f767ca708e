import http from 'node:http';
import https from 'node:https';
import { type Endpoints, type NeighbourName, neighbourNames } from '../base/endpoints.ts';
import { inertDestinationsOf, inertSettingsOf, inertText } from '../base/inert-settings.ts';
import { tracingTexts } from '../base/tracing-settings.ts';
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
/** Of them whose destinations are asked for at the same time. */
const ASKED_AT_ONCE = 16;

/**
 * The services that settings point at: whether each that this shell configures answers at all, which of them the server
 * at `connection` asks (without a server, one that is started from here), and which of its functions have settings that
 * point at one that is not asked.
 */
export async function examineNeighbours(config: Config, connection: Connection): Promise<Finding[]> {
  const addresses = Map.groupBy(Object.entries(config.endpoints), ([, url]) => url);
  const { neighbours: told, mounts = [...config.mounts.keys()], tracing } = await toldByServer(connection.endpoint);
  // A running server knows better than the shell that the doctor was called from.
  const segments = tracing?.map((name) => `${name}, by the running server`) ?? tracingTexts(config.tracing);
  const endpoints: Endpoints =
    told === undefined ? config.endpoints : Object.fromEntries(told.map((name) => [name, '']));
  const [answering, inert] = await Promise.all([
    Promise.all(
      [...addresses].map(([url, entries]) =>
        examineEndpoint(
          url,
          entries.map(([name]) => name),
        ),
      ),
    ),
    examineFunctions(endpoints, mounts, segments.length > 0, connection),
  ]);
  const elsewhere = told?.filter((name) => config.endpoints[name] === undefined) ?? [];
  const asked = elsewhere.length === 0 ? [] : [ok('neighbours', elsewhere.join(', '), 'asked by the running server')];
  return [...answering, ...asked, absentFinding(endpoints), ...inert, tracingFinding(segments)].filter(
    (finding) => finding !== undefined,
  );
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

/** What a server says of its surroundings; members that no server says are absent. */
interface Told {
  readonly neighbours?: readonly NeighbourName[];
  /** ARNs of the access points that have a directory. */
  readonly mounts?: readonly unknown[];
  /** What segments of traces go to. */
  readonly tracing?: readonly string[];
}

async function toldByServer(endpoint: string): Promise<Told> {
  try {
    const answer = await fetch(`${endpoint}/_lambdad/health`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    const { neighbours, mounts, tracing } = (await answer.json()) as Readonly<Record<string, unknown>>;
    return {
      ...(Array.isArray(neighbours) ? { neighbours: toldNames.filter((name) => neighbours.includes(name)) } : {}),
      ...(Array.isArray(mounts) ? { mounts } : {}),
      ...(Array.isArray(tracing) ? { tracing: tracing.map(String) } : {}),
    };
  } catch {
    return {};
  }
}

const toldNames: readonly NeighbourName[] = [...neighbourNames, 'sts'];

function tracingFinding(tracing: readonly string[]): Finding {
  if (tracing.length > 0) return ok('tracing', 'segments', tracing.join(', '));
  const effect = 'TracingConfig Active has no effect, and what X-Ray SDKs in functions send goes nowhere';
  return note('tracing', 'segments', `neither --xray-daemon nor --otlp-endpoint is set: ${effect}`);
}

function absentFinding(endpoints: Endpoints): Finding | undefined {
  const absent = neighbourNames.filter((name) => endpoints[name] === undefined);
  if (absent.length === 0) return undefined;
  const effect = 'settings that point there are kept and have no effect; roles are not looked at without iam';
  return note('neighbours', 'not configured', `${absent.join(', ')}: ${effect}`);
}

async function examineFunctions(
  endpoints: Endpoints,
  mounts: readonly unknown[],
  isTracing: boolean,
  connection: Connection,
): Promise<Finding[]> {
  let functions: readonly SeenFunction[];
  try {
    functions = await withClient(connection, seenFunctions);
  } catch {
    // No server, or none that shows this caller its functions: the server's own finding says so.
    return [];
  }
  const named = functions.flatMap(({ view, destinations }) => {
    const inert = [...inertSettingsOf(view, endpoints, isTracing), ...inertDestinationsOf(destinations, endpoints)];
    const texts = [...inert.map(inertText), ...unmounted(view, mounts)];
    return texts.length === 0 ? [] : [note('neighbours', view.FunctionName ?? '', texts.join('; '))];
  });
  if (named.length <= NAMED_MAX) return named;
  const more = `${named.length - NAMED_MAX} more functions have such settings`;
  return [...named.slice(0, NAMED_MAX), note('neighbours', '…', more)];
}

function unmounted({ FileSystemConfigs = [] }: FunctionConfiguration, mounts: readonly unknown[]): readonly string[] {
  return FileSystemConfigs.filter(({ Arn }) => !mounts.includes(Arn)).map(
    ({ Arn }) => `invokes are refused: the server was started without --mount ${Arn}=DIR`,
  );
}

interface SeenFunction {
  readonly view: FunctionConfiguration;
  /** ARNs of where records of asynchronous invokes go. */
  readonly destinations: readonly (string | undefined)[];
}

async function seenFunctions(client: Client): Promise<SeenFunction[]> {
  const seen: SeenFunction[] = [];
  const views = await firstFunctions(client);
  for (let at = 0; at < views.length; at += ASKED_AT_ONCE) {
    const some = views.slice(at, at + ASKED_AT_ONCE);
    seen.push(...(await Promise.all(some.map(async (view) => ({ view, destinations: await sentTo(client, view) })))));
  }
  return seen;
}

/** Nothing where the caller may not see it, or the function has gone meanwhile. */
async function sentTo(client: Client, { FunctionName = '' }: FunctionConfiguration) {
  try {
    const asked = { FunctionName };
    const answer = await callLambda(client, 'ListFunctionEventInvokeConfigs', asked, { silenceMsMax: ANSWER_MS_MAX });
    return (answer.FunctionEventInvokeConfigs ?? []).flatMap(({ DestinationConfig: to }) => [
      to?.OnSuccess?.Destination,
      to?.OnFailure?.Destination,
    ]);
  } catch {
    return [];
  }
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
