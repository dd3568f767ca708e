/** Obtains a runtime of a folder of families in a process of its own: `obtain-once.ts FAMILIES CACHE REPOSITORY ID`. */
import { InstalledRuntimes } from '../../src/environments/installed-runtimes.ts';

const [directory = '', cacheDir = '', mavenRepository = '', identifier = ''] = process.argv.slice(2);
const progress = (line: string) => void process.stderr.write(`${line}\n`);
const runtimes = new InstalledRuntimes({ directory, cacheDir, nearest: false, mavenRepository, progress });
const found = await runtimes.find(identifier);
process.stdout.write(`${found.directory}\n`);
// A reader that closes the other end says when this process may end.
process.stdin.resume();
