import { existsSync, readFileSync } from 'node:fs';

/** Why this machine refuses a sandbox its namespaces, and the commands that let it, as for a shell of an administrator. */
export interface NamespaceRemedy {
  readonly reason: string;
  readonly commands: readonly string[];
}

const PERSISTENT = '/etc/sysctl.d/60-lambdad.conf';

/** An AppArmor profile that lets the launcher alone make user namespaces: narrower than the sysctl. */
export function appArmorProfile(launcher: string): string {
  return [
    'abi <abi/4.0>,',
    'include <tunables/global>',
    `profile lambdad-sandbox ${launcher} flags=(unconfined) {`,
    '  userns,',
    '}',
    '',
  ].join('\n');
}

function setting(name: string, value: string): string[] {
  return [
    `sudo sysctl -w ${name}=${value}`,
    `echo ${name}=${value} | sudo tee -a ${PERSISTENT}   # also after a restart`,
  ];
}

/**
 * The remedy for a machine on which the launcher's probe failed, or undefined when no known setting is the cause.
 * `launcher` is the path of the sandbox binary; `read` gives the text of a file under /proc, for tests.
 */
export function namespaceRemedy(
  launcher: string,
  read: (path: string) => string | undefined = readProc,
  inContainer: boolean = existsSync('/.dockerenv') || existsSync('/run/.containerenv'),
): NamespaceRemedy | undefined {
  const value = (name: string) => read(`/proc/sys/${name.replaceAll('.', '/')}`)?.trim();
  if (value('kernel.unprivileged_userns_clone') === '0')
    return {
      reason: 'this kernel forbids user namespaces to ordinary users (kernel.unprivileged_userns_clone is 0)',
      commands: setting('kernel.unprivileged_userns_clone', '1'),
    };
  if (value('user.max_user_namespaces') === '0')
    return {
      reason: 'this kernel allows no user namespaces (user.max_user_namespaces is 0)',
      commands: setting('user.max_user_namespaces', '15000'),
    };
  if (value('kernel.apparmor_restrict_unprivileged_userns') === '1') {
    const profile = appArmorProfile(launcher).trimEnd().replaceAll('\n', '\\n');
    return {
      reason: 'AppArmor forbids user namespaces to programs without a profile (as Ubuntu 24.04 does)',
      commands: [
        `printf '${profile}\\n' | sudo tee /etc/apparmor.d/lambdad-sandbox && sudo apparmor_parser -r /etc/apparmor.d/lambdad-sandbox`,
        'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0   # or instead, for every program',
      ],
    };
  }
  if (inContainer)
    return {
      reason: 'this container forbids namespaces',
      commands: ['docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined …'],
    };
  return undefined;
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The setting does not exist on this kernel.
    return undefined;
  }
}
