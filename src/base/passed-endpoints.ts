/** Which addresses of services functions are given, so that their SDKs go where the server's own environment points. */

/** What a function's environment gets: variables as they are, and names of variables that hold this server's address. */
export interface PassedEndpoints {
  readonly variables: Readonly<Record<string, string>>;
  readonly own: readonly string[];
}

type Variables = Readonly<Record<string, string | undefined>>;

const ANY_SERVICE = 'AWS_ENDPOINT_URL';
const NAME = /^[a-z0-9]+([_-][a-z0-9]+)*$/i;
/** What lambdad serves itself. */
const OWN: ReadonlySet<string> = new Set([`${ANY_SERVICE}_LAMBDA`, `${ANY_SERVICE}_CLOUDWATCH_LOGS`]);
/** The SDKs call it by its title, and everybody by the beginning of its actions. */
const LOGS = `${ANY_SERVICE}_LOGS`;

/**
 * `wish`: `all`, or names of services as in their variables (`s3,dynamodb,lambda`), separated by commas. A service without
 * a variable of its own is where AWS_ENDPOINT_URL says; lambda and logs are this server where the environment does not
 * place them itself. Throws an Error of one line for what has no address.
 */
export function passedEndpoints(wish: string | undefined, env: Variables): PassedEndpoints {
  const variables: Record<string, string> = {};
  const own: string[] = [];
  for (const name of wish === undefined ? [] : wanted(wish, env)) {
    const isOwn = !env[name] && OWN.has(name);
    if (isOwn) own.push(name);
    else variables[name] = addressIn(env, name);
  }
  return Object.freeze({ variables, own });
}

function wanted(wish: string, env: Variables): ReadonlySet<string> {
  if (wish === 'all') {
    const set = Object.keys(env).filter(
      (name) => (name === ANY_SERVICE || name.startsWith(`${ANY_SERVICE}_`)) && env[name],
    );
    return new Set([...set, ...OWN]);
  }
  return new Set(wish.split(',').map((text) => variableOf(text.trim())));
}

function variableOf(service: string): string {
  if (!NAME.test(service)) throw new Error(`${JSON.stringify(service)} is no name of a service`);
  const name = `${ANY_SERVICE}_${service.toUpperCase().replaceAll('-', '_')}`;
  return name === LOGS ? `${ANY_SERVICE}_CLOUDWATCH_LOGS` : name;
}

function addressIn(env: Variables, name: string): string {
  const source = env[name] ? name : ANY_SERVICE;
  const text = env[source];
  if (!text) throw new Error(`neither ${name} nor ${ANY_SERVICE} is set`);
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Error(`${source} is no http:// or https:// address`);
  return text;
}
