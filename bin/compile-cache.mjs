// Keeps what Node makes of the sources (types taken out, compiled) beside the dependencies, for the next process. Only
// whoever owns the folder writes there: who can change the cache can change the sources as well, and nothing is left
// behind that the owner cannot delete. Where nothing can be written, Node goes without.
import { statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
if (statSync(root).uid === process.getuid?.()) enableCompileCache(join(root, 'node_modules', '.cache', 'lambdad'));
