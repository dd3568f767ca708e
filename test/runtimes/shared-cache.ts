import { dirname, join } from 'node:path';
import { sharedCacheDir } from '../support/shared-cache.ts';

/** What the tests themselves build and want to find again. */
export const testCache = join(dirname(sharedCacheDir), 'lambdad-tests');
