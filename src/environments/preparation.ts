import { type Preparation, PreparationDelayed, PreparationFailed } from '../functions/activation.ts';
import type { VersionBody } from '../functions/records.ts';
import { NeighbourUnreachable } from '../neighbours/neighbours.ts';
import { refusalOf } from '../neighbours/refusals.ts';
import { KeyUnusable } from '../neighbours/vault.ts';
import type { CodePackages } from '../packages/code-packages.ts';
import { RuntimeMissing } from '../runtimes/obtained-runtime.ts';
import type { InstalledRuntimes } from './installed-runtimes.ts';
import { layerFolder } from './layer-folder.ts';

/**
 * What has to be done before a version is Active: its code and layers unpacked, its runtime found or fetched. `expect` is told
 * of each that was.
 */
export function preparation(
  packages: CodePackages,
  runtimes: InstalledRuntimes,
  expect: (version: VersionBody) => Promise<void>,
): Preparation {
  return {
    prepare: async (version: VersionBody) => {
      await unpacked(packages, version);
      await layerFolder(packages, version.settings);
      try {
        await runtimes.prepare(version.settings.runtime ?? '');
      } catch (error) {
        if (error instanceof RuntimeMissing) throw new PreparationFailed('InvalidRuntime', error.message);
        throw error;
      }
      // What cannot be made beforehand shows when it is needed.
      expect(version).catch(() => undefined);
    },
  };
}

/** Reason codes of the model for a package whose KMS key cannot be used. */
const KEY_REASON_CODES: Readonly<Record<KeyUnusable['reason'], string>> = {
  AccessDenied: 'KMSKeyAccessDenied',
  Disabled: 'DisabledKMSKey',
  InvalidState: 'InvalidStateKMSKey',
  NotFound: 'KMSKeyNotFound',
};

async function unpacked(packages: CodePackages, version: VersionBody): Promise<void> {
  try {
    await packages.unpackCode(version.code);
  } catch (error) {
    if (error instanceof NeighbourUnreachable) throw new PreparationDelayed(error.message);
    if (!(error instanceof KeyUnusable)) throw error;
    throw new PreparationFailed(KEY_REASON_CODES[error.reason], (refusalOf(error) as Error).message);
  }
}
