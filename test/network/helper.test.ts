/** An ordinary user's functions get out by a helper, reach nothing of the host through it, and leave none behind. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { treeBytes } from '../../src/sandboxes/linux/memory-watch.ts';
import { nobody } from '../support/readable-checkout.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import {
  HOST,
  HOST_LAN,
  HOST_V6,
  type Internet,
  ip,
  isInDisposableNetwork,
  METADATA,
  METADATA_V6,
  openHostService,
  openInternet,
  openTunnelDevice,
  until,
  WEB,
} from './disposable-network.ts';
import { createProbe, type Language, probe } from './probe-function.ts';
import { reachFromHere } from './reach-from-here.ts';

const HELPERS = ['slirp4netns', 'pasta'] as const;
const REFUSED = /^(E[A-Z]+|silence|[A-Za-z]*[eE]rror)$/;

/** Takes a program away, in this mount namespace alone. */
function hide(program: string): () => void {
  const path = execFileSync('readlink', ['-f', `/usr/bin/${program}`], { encoding: 'utf8' }).trim();
  execFileSync('mount', ['--bind', '/dev/null', path]);
  return () => void execFileSync('umount', [path]);
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly anonymousBytes: number;
}

/** Running processes of a user. */
function processesOf(uid: number): Process[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        if (!status.includes(`Uid:\t${uid}\t`) || /^State:\t[ZX]/m.test(status)) return [];
        const value = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '';
        const anonymousBytes = 1024 * (Number(value('RssAnon')) + Number(value('RssShmem')));
        return [{ pid: Number(pid), parent: Number(value('PPid')), name: value('Name'), anonymousBytes }];
      } catch {
        return [];
      }
    });
}

function isBelow(pid: number, ancestor: number): boolean {
  for (let at = pid; at > 1; at = parentOf(at)) if (at === ancestor) return true;
  return false;
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const helpersOf = (uid: number) =>
  processesOf(uid).filter(({ name }) => /^(slirp4netns|passt.*|pasta.*|lambdad-helper)$/.test(name));

/** A user that nobody else's tests run as. */
const user = { uid: nobody.uid - 1707, gid: nobody.gid };

if (isInDisposableNetwork(import.meta.filename, HELPERS)) {
  describe('a function of a server that an ordinary user runs', () => {
    let internet: Internet;
    let service: Awaited<ReturnType<typeof openHostService>>;

    before(async () => {
      internet = await openInternet();
      service = await openHostService();
      openTunnelDevice();
    });

    after(() => {
      service.server.close();
      internet.close();
    });

    for (const helper of HELPERS)
      describe(`with ${helper}`, () => {
        let server: TestServer;
        let show: () => void;

        before(async () => {
          show = hide(HELPERS.find((other) => other !== helper) ?? '');
          server = await startTestServer({ asUser: user, args: ['--nearest-runtime', '--prestart', '0'] });
          for (const language of ['node', 'python'] as const) await createProbe(server.client(), language, language);
        });

        after(async () => {
          await server.stop();
          show();
        });

        test('the start line names it', () => {
          assert.match(server.stdout(), new RegExp(`^sandbox: .*outbound network by ${helper}$`, 'm'));
          assert.doesNotMatch(server.stdout(), /^warning:/m);
        });

        for (const language of ['node', 'python'] as const satisfies readonly Language[])
          test(`${language} reaches the outside and nothing of the host`, async () => {
            const hosts = ['127.0.0.1', '0.0.0.0', 'localhost', '::1', HOST, HOST_LAN, HOST_V6, String(0xcb007102)];
            const here = hosts.map((host) => ({ host, port: service.port }));
            assert.deepEqual(await reachFromHere(here), hosts);
            const targets = [
              ...here,
              ...[METADATA, METADATA_V6].map((host) => ({ host, port: 80 })),
              // The helpers' own ideas of a gateway and a name server.
              ...['10.0.2.2', '10.0.2.3', '198.18.0.2', '198.18.0.3', WEB].map((host) => ({
                host,
                port: service.port,
              })),
              { host: '198.18.0.3', port: 53 },
            ];
            const found = await probe(server.client(), language, [{ host: WEB, port: 80 }, ...targets]);
            assert.equal(found.get(`${WEB} 80`), `::ffff:${HOST}`);
            found.delete(`${WEB} 80`);
            for (const [target, answer] of found) assert.match(answer, REFUSED, target);
          });

        test("what the helper needs of memory is not taken for the function's", async () => {
          await probe(server.client(), 'python', []);
          const watcher = processesOf(user.uid).find(({ name }) => name === 'lambdad-helper');
          const below = processesOf(user.uid).find(({ parent }) => parent === watcher?.pid);
          assert.ok(watcher && below && below.anonymousBytes > 0);
          const all = processesOf(user.uid).filter((each) => isBelow(each.pid, watcher.parent));
          const everything = all.reduce((sum, { anonymousBytes }) => sum + anonymousBytes, 0);
          const taken = treeBytes(watcher.parent);
          assert.ok(taken > 0 && taken <= everything - below.anonymousBytes);
        });

        test('an address that the host gets later is closed too', async () => {
          const late = '192.168.77.99';
          await createProbe(server.client(), 'late');
          await probe(server.client(), 'late', []);
          const before = new Set(helpersOf(user.uid).map(({ pid }) => pid));
          ip('address', 'add', `${late}/24`, 'dev', 'lan0');
          try {
            // The address is noticed within seconds, or with the next sandbox.
            await createProbe(server.client(), 'next');
            await probe(server.client(), 'next', []);
            await until(
              'the environments from before end',
              () => !helpersOf(user.uid).some(({ pid }) => before.has(pid)),
            );
            const targets = [{ host: late, port: service.port }];
            assert.deepEqual(await reachFromHere(targets), [late]);
            const found = await probe(server.client(), 'late', targets);
            assert.match(found.get(`${late} ${service.port}`) ?? '', REFUSED);
          } finally {
            ip('address', 'del', `${late}/24`, 'dev', 'lan0');
          }
        });

        test('it ends with its sandbox, also when the server is killed', async () => {
          const other = await startTestServer({ asUser: user, args: ['--prestart', '0'] });
          await createProbe(other.client(), 'one');
          const before = helpersOf(user.uid).length;
          await probe(other.client(), 'one', [{ host: WEB, port: 80 }]);
          assert.ok(helpersOf(user.uid).length > before);
          await other.kill();
          await until('the helpers end', () => helpersOf(user.uid).length <= before);
        });
      });

    test("without either, functions have the host's network on a loopback address, with a warning", async () => {
      const show = HELPERS.map(hide);
      try {
        const server = await startTestServer({ asUser: user });
        assert.match(
          server.stdout(),
          /^warning: {2}functions share this machine's network: .*neither slirp4netns nor pasta/m,
        );
        assert.match(server.stdout(), /^warning: {2}to mend that: sudo apt-get install slirp4netns/m);
        await createProbe(server.client(), 'shared');
        const found = await probe(server.client(), 'shared', [{ host: '127.0.0.1', port: service.port }]);
        assert.equal(found.get(`127.0.0.1 ${service.port}`), 'the host');
        await server.stop();
        await assert.rejects(
          startTestServer({ asUser: user, args: ['--host', '0.0.0.0'] }),
          /no network for functions here.*\n.*to mend that: sudo apt-get install slirp4netns/,
        );
      } finally {
        for (const again of show) again();
      }
    });
  });
}
