/**
 * The yardstick of CreateFunction: node:http that takes the same JSON body, decodes the package, hashes it, writes it
 * under its digest and syncs it and its name. Prints its port.
 *
 *     node bench/bare-upload-server.ts FOLDER
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

const [, , folder = ''] = process.argv;

const server = createServer(async (request, response) => {
  const { Code } = JSON.parse((await buffer(request)).toString()) as { Code: { ZipFile: string } };
  const bytes = Buffer.from(Code.ZipFile, 'base64');
  const CodeSha256 = createHash('sha256').update(bytes).digest('base64url');
  const file = await open(join(folder, CodeSha256), 'w');
  await file.writeFile(bytes);
  await file.sync();
  await file.close();
  const directory = await open(folder, 'r');
  await directory.sync();
  await directory.close();
  response.writeHead(201, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ CodeSha256, CodeSize: bytes.length }));
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
