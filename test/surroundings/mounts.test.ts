import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { LambdaClient, Runtime } from '@aws-sdk/client-lambda';
import { FileSystems } from '../../src/environments/file-systems.ts';
import { runCommand } from '../cli/run-command.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { canSwitchUser, nobody } from '../support/readable-checkout.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { serverSays } from './server-says.ts';

const accessPoint = (digit: number) =>
  `arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-${String(digit).repeat(17)}`;
const S3_FILES =
  'arn:aws:s3files:us-east-1:000000000000:file-system/fs-0123456789abcdef0/access-point/fsap-0123456789abcdef0';
const VPC = { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'] };
const at = (Arn: string, LocalMountPath = '/mnt/data') => ({
  VpcConfig: VPC,
  FileSystemConfigs: [{ Arn, LocalMountPath }],
});

/** Appends the event's line to a file of the file system, and answers what the file holds once it has `count` lines. */
const nodeWriter = `
const { appendFileSync, readFileSync } = require('node:fs');
exports.handler = async ({ line, count = 0 }) => {
  appendFileSync('/mnt/data/lines', line + '\\n');
  for (;;) {
    const lines = readFileSync('/mnt/data/lines', 'utf8').trim().split('\\n');
    if (lines.length >= count) return lines;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
`;
const pythonWriter = `
def handler(event, context):
    with open('/mnt/data/lines', 'a') as lines:
        lines.write(event['line'] + '\\n')
    with open('/mnt/data/lines') as lines:
        return lines.read().split()
`;

const refusal = (arn: string) => ({
  name: 'EFSMountFailureException',
  message: `The function could not mount the EFS file system with access point ${arn}.`,
  Type: 'User',
});

interface MountWorld {
  readonly server: TestServer;
  readonly client: LambdaClient;
  /** The directory that is mounted, and one that is about to go. */
  readonly shared: string;
  readonly leaving: string;
  /** Who owns both. */
  readonly owner: typeof nobody;
  close(): Promise<void>;
}

async function openWorld(asUser: typeof nobody | undefined): Promise<MountWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-mounts-'));
  const shared = join(folder, 'shared');
  const leaving = join(folder, 'leaving');
  const owner = asUser ?? { uid: 12_345, gid: 12_346 };
  chmodSync(folder, 0o755);
  for (const directory of [shared, leaving]) {
    mkdirSync(directory, { mode: 0o700 });
    if (canSwitchUser) chownSync(directory, owner.uid, owner.gid);
  }
  const server = await startTestServer({
    args: ['--nearest-runtime', '--mount', `${accessPoint(1)}=${shared}`, '--mount', `${accessPoint(2)}=${leaving}`],
    // The flag wins over the variable.
    env: { LAMBDAD_MOUNT: `${accessPoint(1)}=${folder}/nowhere` },
    ...(asUser === undefined ? {} : { asUser }),
  });
  const client = server.client({ maxAttempts: 1 });
  const files = { 'index.js': nodeWriter };
  await createFunction(client, 'node', { files, Timeout: 30, ...at(accessPoint(1)) });
  await createFunction(client, 'unmapped', { files, ...at(accessPoint(3)) });
  await createFunction(client, 'leaving', { files, ...at(accessPoint(2)) });
  await createFunction(client, 's3', { files, ...at(S3_FILES) });
  const python = { files: { 'index.py': pythonWriter }, Runtime: 'python3.13' as Runtime };
  await createFunction(client, 'python', { ...python, ...at(accessPoint(1)) });
  const close = async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  };
  return { server, client, shared, leaving, owner, close };
}

function mountStories(asUser: typeof nobody | undefined): void {
  let world: MountWorld;

  before(async () => {
    world = await openWorld(asUser);
  });

  after(() => world?.close());

  it('are written by every function, as the owner of the directory', async () => {
    writeFileSync(join(world.shared, 'lines'), 'host\n');
    if (canSwitchUser) chownSync(join(world.shared, 'lines'), world.owner.uid, world.owner.gid);
    assert.deepEqual((await invokeFunction(world.client, 'node', { line: 'node' })).payload, ['host', 'node']);
    assert.deepEqual((await invokeFunction(world.client, 'python', { line: 'python' })).payload, [
      'host',
      'node',
      'python',
    ]);
    rmSync(join(world.shared, 'lines'));
    assert.deepEqual((await invokeFunction(world.client, 'node', { line: 'anew' })).payload, ['anew']);
    const { uid, gid } = statSync(join(world.shared, 'lines'));
    if (canSwitchUser) assert.deepEqual([uid, gid], [world.owner.uid, world.owner.gid]);
  });

  it('are shared by environments that run at the same time', async () => {
    rmSync(join(world.shared, 'lines'), { force: true });
    const lines = ['one', 'two', 'three'];
    // Each waits for what the others write.
    const runs = await Promise.all(lines.map((line) => invokeFunction(world.client, 'node', { line, count: 3 })));
    for (const { payload } of runs) assert.deepEqual([...(payload as string[])].sort(), [...lines].sort());
  });

  it('refuse the invoke when nothing stands for them, and say so once to whoever runs the server', async () => {
    for (let count = 0; count < 2; count++)
      await assert.rejects(invokeFunction(world.client, 'unmapped', { line: 'x' }), refusal(accessPoint(3)));
    const arn = 'arn:aws:lambda:us-east-1:000000000000:function:unmapped';
    const line = `lambdad: ${arn} cannot mount ${accessPoint(3)}: start lambdad with --mount ${accessPoint(3)}=DIR`;
    await serverSays(world.server, line);
    assert.equal(world.server.stderr().split(line).length - 1, 1, world.server.stderr());
    await assert.rejects(invokeFunction(world.client, 's3', { line: 'x' }), {
      name: 'S3FilesMountFailureException',
      message: `The function could not mount the S3 Files file system with access point ${S3_FILES}.`,
    });
  });

  it('refuse the invoke when their directory has gone', async () => {
    rmSync(world.leaving, { recursive: true });
    await assert.rejects(invokeFunction(world.client, 'leaving', { line: 'x' }), refusal(accessPoint(2)));
    await serverSays(world.server, `cannot mount ${accessPoint(2)}: ${world.leaving} is not there`);
  });

  it('are told by the doctor where nothing stands for them', async () => {
    const { stdout } = await runCommand(['doctor', '--json'], { endpoint: world.server.url });
    const { findings } = JSON.parse(stdout) as { findings: { readonly name: string; readonly text: string }[] };
    const text = (name: string) => findings.find((finding) => finding.name === name)?.text ?? '';
    const lacking = `invokes are refused: the server was started without --mount ${accessPoint(3)}=DIR`;
    assert.ok(text('unmapped').includes(lacking), stdout);
    assert.ok(!text('node').includes('--mount'), stdout);
  });
}

describe('file systems of functions', { timeout: 120_000 }, () => mountStories(undefined));

describe(
  'file systems of functions, where the server is an ordinary user',
  {
    timeout: 120_000,
    skip: canSwitchUser ? false : 'the tests run as one already',
  },
  () => mountStories(nobody),
);

describe('a directory that cannot be mounted', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-mounts-'));
  after(() => rmSync(folder, { recursive: true }));

  /** The complaint of a server that does not start. */
  async function complaint(args: readonly string[]): Promise<string> {
    try {
      await (await startTestServer({ args })).kill();
    } catch (error) {
      const { message } = error as Error;
      assert.match(message, /ended with 1 before it listened/);
      assert.ok(!message.includes('    at '), message);
      return message.split('\n')[1] ?? '';
    }
    return 'it started';
  }

  it('ends the start with one line', async () => {
    const data = join(folder, 'data');
    const file = join(folder, 'file');
    const absent = join(folder, 'absent');
    mkdirSync(data);
    writeFileSync(file, '');
    const mount = (directory: string) => ['--mount', `${accessPoint(1)}=${directory}`];
    const start = `lambdad: --mount ${accessPoint(1)}: `;
    assert.equal(await complaint(mount(absent)), `${start}${absent} is not there`);
    assert.equal(await complaint(mount(file)), `${start}${file} is no directory`);
    for (const directory of [data, folder, '/'])
      assert.equal(
        await complaint([...mount(directory), '--data', data]),
        `${start}${directory} and ${data} hold one another: functions would see lambdad's own files`,
      );
    for (const wrong of ['/data', 'arn:aws:s3:::bucket=/data', `${accessPoint(1)}=`])
      assert.equal(
        await complaint(['--mount', wrong]),
        `lambdad: --mount: ${JSON.stringify(wrong)} is not ARN=DIR with the ARN of an access point`,
      );
  });

  it('is not put behind the back of plain processes', async () => {
    const directory = join(folder, 'plain');
    mkdirSync(directory);
    const name = `lambdad-${process.pid}`;
    const target = `/mnt/${name}`;
    const server = await startTestServer({
      args: ['--sandbox', 'process', '--mount', `${accessPoint(1)}=${directory}`],
    });
    try {
      const client = server.client({ maxAttempts: 1 });
      await createFunction(client, 'plain', { files: { 'index.js': nodeWriter }, ...at(accessPoint(1), target) });
      await assert.rejects(invokeFunction(client, 'plain', { line: 'x' }), refusal(accessPoint(1)));
      const hint = `plain processes see this machine's own paths: ln -s ${directory} ${target}`;
      await serverSays(server, hint);
      assert.ok(!existsSync(target));
      assert.deepEqual(readdirSync(directory), []);
    } finally {
      await server.stop();
    }
  });
});

it('a function without file systems has no mounts', async () => {
  const version = { functionName: 'f', settings: { kept: {} } };
  const systems = new FileSystems(new Map(), () => assert.fail());
  assert.deepEqual(await systems.mountsOf({ account: '000000000000', region: 'us-east-1', version }), []);
});
