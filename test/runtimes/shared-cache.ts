import { homedir } from 'node:os';
import { join } from 'node:path';

const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');

/** Runtimes that servers fetch, once and for all runs, as for a user. */
export const runtimeCache = join(cache, 'lambdad');

/** What the tests themselves build or fetch and want to find again. */
export const testCache = join(cache, 'lambdad-tests');
