import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomIds } from '../src/base/ids.ts';
import { openDataFolder } from '../src/databases/disk/data-folder.ts';
import { openSqliteMetadata } from '../src/databases/sqlite/metadata.ts';
import { fillCatalogue, templateOf } from '../test/support/catalogue.ts';
import { startTestServer } from '../test/support/server.ts';
import { deploy } from './bench-server.ts';

const NAMESPACE = { account: '000000000000', region: 'us-east-1' };

export const nameOf = (index: number) => `f-${String(index).padStart(5, '0')}`;

/** A data folder with so many functions; all have the package of the first. */
export async function makeFolder(functions: number): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-bench-'));
  const server = await startTestServer({ dataDir });
  const files = { 'index.mjs': 'export const handler = async () => 1;\n' };
  await deploy(server.client(), { name: 'template', runtime: 'nodejs24.x', handler: 'index.handler', files });
  await server.stop();
  const folder = await openDataFolder(dataDir, randomIds);
  const metadata = await openSqliteMetadata({ path: folder.paths.database });
  const template = await templateOf(metadata, NAMESPACE, 'template');
  const names = Array.from({ length: functions }, (_, index) => nameOf(index));
  await fillCatalogue(metadata, NAMESPACE, template, names);
  await metadata.commit(template.records.map((key) => ({ type: 'delete', key })));
  await metadata.close();
  await folder.close();
  return dataDir;
}
