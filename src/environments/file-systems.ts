/**
 * The file systems of a function: a directory of this machine in the place of each access point that `--mount` names.
 *
 * An access point without a directory refuses the function's invokes, as AWS does when it cannot mount one. The text for
 * EFS is that of AWS's documentation; the one for S3 Files, which is not published, is made after it.
 */
import { access, constants, stat } from 'node:fs/promises';
import { functionArn } from '../base/arn.ts';
import { LruMap } from '../base/lru.ts';
import type { Settings } from '../functions/records.ts';
import { ApiError } from '../model/api-error.ts';
import type { Namespace } from '../store/namespace.ts';
import type { Mount } from './sandbox.ts';

/** Remembered as said; beyond it something may be said twice. */
const NOTED_MAX = 10_000;

interface FileSystemConfig {
  readonly Arn: string;
  readonly LocalMountPath: string;
}

export interface MountingFunction extends Namespace {
  readonly version: { readonly functionName: string; readonly settings: Pick<Settings, 'kept'> };
}

/** Why a directory of this machine cannot be mounted, in a few words; undefined when it can. */
export async function mountTrouble(directory: string): Promise<string | undefined> {
  try {
    if (!(await stat(directory)).isDirectory()) return 'is no directory';
    await access(directory, constants.R_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'is not there' : code === 'EACCES' ? 'may not be read' : message;
  }
}

export class FileSystems {
  readonly #directories: ReadonlyMap<string, string>;
  readonly #note: (line: string) => void;
  readonly #noted = new LruMap<string, true>(NOTED_MAX);

  /** `directories`: by ARN of the access point. `note` takes lines for whoever runs the server, each once. */
  constructor(directories: ReadonlyMap<string, string>, note: (line: string) => void) {
    this.#directories = directories;
    this.#note = note;
  }

  /** Rejects with EFSMountFailureException or S3FilesMountFailureException. */
  async mountsOf(mounting: MountingFunction): Promise<readonly Mount[]> {
    const mounts: Mount[] = [];
    for (const { Arn: arn, LocalMountPath: target } of configsOf(mounting)) {
      const source = this.#directories.get(arn);
      if (source === undefined) throw this.#refusal(mounting, arn, `start lambdad with --mount ${arn}=DIR`);
      const trouble = await mountTrouble(source);
      if (trouble !== undefined) throw this.#refusal(mounting, arn, `${source} ${trouble}`);
      mounts.push({ source, target, writable: true });
    }
    return mounts;
  }

  /** The refusal for a mount that the sandbox could not make. */
  refusalOf(mounting: MountingFunction, target: string, why: string): ApiError {
    const arn = configsOf(mounting).find(({ LocalMountPath }) => LocalMountPath === target)?.Arn ?? target;
    return this.#refusal(mounting, arn, why);
  }

  #refusal(mounting: MountingFunction, arn: string, why: string): ApiError {
    const { account, region, version } = mounting;
    const line = `${functionArn(region, account, version.functionName)} cannot mount ${arn}: ${why}`;
    if (!this.#noted.get(line)) this.#note(line);
    this.#noted.set(line, true);
    return arn.split(':')[2] === 's3files'
      ? new ApiError(
          'S3FilesMountFailureException',
          `The function could not mount the S3 Files file system with access point ${arn}.`,
        )
      : new ApiError(
          'EFSMountFailureException',
          `The function could not mount the EFS file system with access point ${arn}.`,
        );
  }
}

function configsOf({ version }: MountingFunction): readonly FileSystemConfig[] {
  return (version.settings.kept.FileSystemConfigs ?? []) as readonly FileSystemConfig[];
}
