import { homedir } from 'node:os';
import { join } from 'node:path';

/** The cache of whoever runs the tests: runtimes are fetched once, here as for a user, and outlive the tests. */
export const sharedCacheDir = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'lambdad');
