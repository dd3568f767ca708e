import type { Settings } from '../functions/records.ts';
import type { Variables } from '../functions/sealed-environment.ts';
import type { Credentials } from '../protocol/sign-request.ts';
import { DATAGRAM_PORT } from './trace-datagrams.ts';

/**
 * The environment variables of a function's process. Source: runtime-facts 3.
 *
 * Later ones win: endpoints that the server passes on, the runtime's defaults, the function's own, and last what AWS
 * reserves. Names that begin with `_` are the platform's and dropped from the function's own.
 */
export interface VariableParts {
  readonly initializationType: 'on-demand' | 'provisioned-concurrency';
  readonly settings: Settings;
  /** The function's own, in clear. */
  readonly own: Variables;
  readonly functionName: string;
  readonly version: string;
  readonly region: string;
  readonly logGroup: string;
  readonly logStream: string;
  readonly runtimeApiAddress: string;
  /** host:port of a daemon that passes segments on; undefined: there is none. */
  readonly datagramAddress?: string | undefined;
  readonly metadataToken: string;
  readonly taskRoot: string;
  readonly runtimeDir: string;
  readonly credentials: Credentials;
  /** Addresses of services that the server passes on: `AWS_ENDPOINT_URL_S3` and the like. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** From the runtime's description, filled in. */
  readonly runtimeVariables: Readonly<Record<string, string>>;
  /** Which of those the function's own settings may replace. */
  readonly overridable: readonly string[];
  /** Only where the sandbox has the structured-log descriptor. */
  readonly logDescriptor?: number;
}

export function functionVariables(parts: VariableParts): Record<string, string> {
  // Nothing listens where there is no daemon: the SDKs of X-Ray send datagrams, which then go nowhere.
  const { settings, credentials, datagramAddress = `127.0.0.1:${DATAGRAM_PORT}` } = parts;
  const [daemonHost = '', daemonPort = ''] = datagramAddress.split(':');
  const variables: Record<string, string> = {
    // First, as a process that waited for its function has it from before.
    ...('TZ' in parts.runtimeVariables ? { TZ: parts.runtimeVariables['TZ'] } : {}),
    // A function that says itself where all services are means those too that the server would name one by one.
    ...('AWS_ENDPOINT_URL' in parts.own ? {} : parts.endpoints),
    AWS_XRAY_CONTEXT_MISSING: 'LOG_ERROR',
    AWS_XRAY_DAEMON_ADDRESS: datagramAddress,
    ...parts.runtimeVariables,
  };
  for (const [name, value] of Object.entries(parts.own)) if (!name.startsWith('_')) variables[name] = value;
  for (const [name, value] of Object.entries(parts.runtimeVariables))
    if (!parts.overridable.includes(name)) variables[name] = value;
  Object.assign(variables, {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...(credentials.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: credentials.sessionToken }),
    AWS_REGION: parts.region,
    AWS_DEFAULT_REGION: parts.region,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(settings.memoryMb),
    AWS_LAMBDA_FUNCTION_NAME: parts.functionName,
    AWS_LAMBDA_FUNCTION_VERSION: parts.version,
    AWS_LAMBDA_INITIALIZATION_TYPE: parts.initializationType,
    AWS_LAMBDA_LOG_GROUP_NAME: parts.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: parts.logStream,
    AWS_LAMBDA_METADATA_API: parts.runtimeApiAddress,
    AWS_LAMBDA_METADATA_TOKEN: parts.metadataToken,
    AWS_LAMBDA_RUNTIME_API: parts.runtimeApiAddress,
    _AWS_XRAY_DAEMON_ADDRESS: daemonHost,
    _AWS_XRAY_DAEMON_PORT: daemonPort,
    LAMBDA_RUNTIME_DIR: parts.runtimeDir,
    LAMBDA_TASK_ROOT: parts.taskRoot,
  });
  if (settings.handler !== undefined) variables['_HANDLER'] = settings.handler;
  if (settings.logging.format === 'JSON') {
    variables['AWS_LAMBDA_LOG_FORMAT'] = 'JSON';
    variables['AWS_LAMBDA_LOG_LEVEL'] = settings.logging.applicationLevel ?? 'INFO';
  }
  if (parts.logDescriptor !== undefined) variables['_LAMBDA_TELEMETRY_LOG_FD'] = String(parts.logDescriptor);
  return variables;
}
