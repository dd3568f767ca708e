import type { FunctionKeys } from '../access/function-keys.ts';
import type { Clock } from '../base/clock.ts';
import type { PassedEndpoints } from '../base/passed-endpoints.ts';
import type { RoleSessions } from '../neighbours/neighbours.ts';
import type { Credentials } from '../protocol/sign-request.ts';
import { FileSystems } from './file-systems.ts';
import { inheritedCredentials, localCredentials, stsCredentials } from './function-credentials.ts';
import type { SandboxKind } from './sandbox.ts';
import { unreachableEndpoints } from './unreachable-endpoints.ts';

export interface SurroundingsOptions {
  readonly functionCredentials: 'local' | 'sts' | 'inherit';
  readonly neighbourCredentials?: Credentials | undefined;
  readonly passedEndpoints: PassedEndpoints;
  /** Directory by ARN of an access point. */
  readonly mounts: ReadonlyMap<string, string>;
  readonly sts?: RoleSessions | undefined;
  readonly keys: FunctionKeys;
  readonly clock: Clock;
  readonly note: (line: string) => void;
}

/** What functions find around them: credentials, file systems, addresses of services. `lines`: what to tell of it. */
export function surroundings(options: SurroundingsOptions, lines: string[]) {
  const { functionCredentials, neighbourCredentials, passedEndpoints, mounts, sts, keys, clock, note } = options;
  let credentials = localCredentials(keys);
  if (functionCredentials === 'sts' && sts !== undefined) credentials = stsCredentials(sts, keys, clock);
  if (functionCredentials === 'inherit' && neighbourCredentials !== undefined) {
    credentials = inheritedCredentials(neighbourCredentials);
    lines.push('warning:  every function has your own AWS credentials (--function-credentials inherit)');
  }
  const passed = [...Object.keys(passedEndpoints.variables), ...passedEndpoints.own];
  if (passed.length > 0) lines.push(`passes:   ${passed.sort().join(', ')}`);
  for (const [arn, directory] of mounts) lines.push(`mounts:   ${directory} for ${arn}`);
  const endpoints: Record<string, string> = { ...passedEndpoints.variables };
  return {
    parts: { credentials, fileSystems: new FileSystems(mounts, note), endpoints: () => endpoints },
    /** Once the server's own address is known. */
    listensAt: (origin: string, { hostPorts }: SandboxKind) => {
      for (const name of passedEndpoints.own) endpoints[name] = origin;
      lines.push(...unreachableEndpoints(endpoints, hostPorts).map((text) => `warning:  ${text}`));
    },
  };
}
