import { type Preparation, PreparationFailed } from '../functions/activation.ts';
import type { CodePackages } from '../functions/code-packages.ts';
import type { VersionBody } from '../functions/records.ts';
import { type InstalledRuntimes, RuntimeMissing } from './installed-runtimes.ts';

/** What has to be done before a version is Active: its code unpacked, its runtime found or fetched. */
export function preparation(packages: CodePackages, runtimes: InstalledRuntimes): Preparation {
  return {
    prepare: async (version: VersionBody) => {
      await packages.unpack(version.code.sha256);
      try {
        await runtimes.find(version.settings.runtime ?? '');
      } catch (error) {
        if (error instanceof RuntimeMissing) throw new PreparationFailed('InvalidRuntime', error.message);
        throw error;
      }
    },
  };
}
