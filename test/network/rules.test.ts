/** What a server that root runs changes on its machine, and that it is as it was before when the server has ended, however. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { assetPath } from '../../src/base/assets.ts';
import { NatNetwork } from '../../src/sandboxes/linux/nat-network.ts';
import { createSandbox, openSandboxes } from '../sandbox/linux-port.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import {
  forwards,
  HOST,
  type Internet,
  ip,
  isInDisposableNetwork,
  links,
  openInternet,
  tables,
  until,
  WEB,
} from './disposable-network.ts';
import { createProbe, probe } from './probe-function.ts';

const MANY = 40;

/** The process that holds a server's rules. */
function holderOf(server: TestServer): number {
  const children = readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        return status.includes('Name:\tlambdad-network') && status.includes(`PPid:\t${server.pid}\n`);
      } catch {
        return false;
      }
    });
  assert.equal(children.length, 1);
  return Number(children[0]);
}

async function reachesWeb(server: TestServer): Promise<void> {
  const found = await probe(server.client(), 'probe', [{ host: WEB, port: 80 }]);
  assert.equal(found.get(`${WEB} 80`), `::ffff:${HOST}`);
}

async function startWithProbe(dataDir?: string): Promise<TestServer> {
  const server = await startTestServer(dataDir === undefined ? {} : { dataDir });
  await createProbe(server.client(), 'probe');
  await reachesWeb(server);
  return server;
}

const isAsBefore = () =>
  tables().length === 0 && links().length === 0 && !forwards('wan0') && !forwards('lan0') && !forwards('all');

/** Whether the neighbour's packets to the web server are forwarded. */
function neighbourReachesWeb({ neighbour }: Internet): boolean {
  const script = `
    const answer = await fetch('http://${WEB}/', { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
    process.exit(answer ? 0 : 1);`;
  return (
    spawnSync('nsenter', ['-t', String(neighbour), '-n', process.execPath, '--input-type=module', '-e', script])
      .status === 0
  );
}

if (isInDisposableNetwork(import.meta.filename)) {
  describe('the rules around functions', () => {
    let internet: Internet;
    let running: TestServer[] = [];
    const track = (server: TestServer) => {
      running.push(server);
      return server;
    };

    before(async () => {
      internet = await openInternet();
    });
    after(() => internet.close());
    afterEach(async () => {
      const left = running;
      running = [];
      await Promise.all(left.map((server) => server.kill()));
      await until('all is as before', isAsBefore);
    });

    test('stand while the server runs, let nobody else pass, and go with it', async () => {
      assert.ok(isAsBefore());
      const server = track(await startWithProbe());
      assert.match(
        server.stdout(),
        /for which packets are forwarded on (lan0, wan0|wan0, lan0) while this server runs/,
      );
      assert.equal(tables().length, 1);
      assert.ok(links().length > 0);
      assert.deepEqual(['wan0', 'lan0', 'all'].map(forwards), [true, true, false]);
      assert.equal(neighbourReachesWeb(internet), false, 'the host is no router because of functions');
      assert.deepEqual(await server.stop(), { code: 0, signal: null });
      assert.ok(isAsBefore(), 'as the server has ended');
      // The way is there: a host that does forward lets the neighbour through.
      writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
      try {
        assert.equal(neighbourReachesWeb(internet), true);
      } finally {
        writeFileSync('/proc/sys/net/ipv4/ip_forward', '0');
      }
    });

    test('go when the server is killed', async () => {
      const server = track(await startWithProbe());
      await server.kill();
      await until('all is as before', isAsBefore);
    });

    test('when their holder is killed with the server, the next start undoes what is left', async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-network-'));
      try {
        const server = track(await startWithProbe(dataDir));
        const holder = holderOf(server);
        process.kill(holder, 'SIGSTOP');
        await server.kill();
        process.kill(holder, 'SIGKILL');
        await until('the kernel removes the rules and the links', () => tables().length + links().length === 0);
        assert.deepEqual(['wan0', 'lan0', 'all'].map(forwards), [true, true, false], 'nobody was left to undo that');
        const next = track(await startTestServer({ dataDir }));
        await reachesWeb(next);
        assert.equal(neighbourReachesWeb(internet), false);
        await next.stop();
        assert.ok(isAsBefore());
      } finally {
        rmSync(dataDir, { recursive: true, force: true });
      }
    });

    test('when they go alone, no environment outlives them, and the next has rules again', async () => {
      const server = track(await startWithProbe());
      const [before] = links();
      process.kill(holderOf(server), 'SIGKILL');
      await until('the old links go', () => !links().includes(before ?? ''));
      await reachesWeb(server);
      assert.equal(tables().length, 1);
    });

    test('many sandboxes at once have a link each, and none is left', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'lambdad-links-'));
      const binary = assetPath(join('native', 'bin', `linux-${process.arch}`, 'lambdad-sandbox'));
      const network = await NatNetwork.start({ binary, stateFile: join(folder, 'state.json'), allowHost: [] });
      const kind = openSandboxes({ network });
      try {
        for (let round = 0; round < 3; round++) {
          const many = await Promise.all(Array.from({ length: MANY }, () => createSandbox(kind)));
          assert.ok(links().length >= MANY);
          await Promise.all(many.map((sandbox) => sandbox.destroy()));
        }
        await until('their links go', () => links().length < MANY / 2);
      } finally {
        await kind[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true, force: true });
      }
      assert.ok(isAsBefore());
    });

    test('two servers are side by side, each with rules of its own', async () => {
      const one = track(await startWithProbe());
      const other = track(await startWithProbe());
      assert.equal(new Set(tables()).size, 2);
      assert.equal(new Set(links().map((name) => name.slice(0, 9))).size, 2, 'links of two blocks');
      await one.stop();
      assert.equal(tables().length, 1);
      await until('the other takes over what forwards', () => forwards('wan0'));
      await reachesWeb(other);
      assert.equal(neighbourReachesWeb(internet), false);
      await other.stop();
      assert.ok(isAsBefore());
    });

    test('addresses that the host uses are left to it', async () => {
      ip('address', 'add', '198.18.7.7/16', 'dev', 'lan0');
      try {
        const server = track(await startWithProbe());
        assert.deepEqual(tables(), ['lambdad-198.19.0.0']);
        await server.stop();
      } finally {
        ip('address', 'del', '198.18.7.7/16', 'dev', 'lan0');
      }
    });

    test('a host that forwards anyway is left as it is', async () => {
      writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
      try {
        const server = track(await startWithProbe());
        assert.doesNotMatch(server.stdout(), /while this server runs/);
        assert.equal(neighbourReachesWeb(internet), true);
        await server.stop();
        assert.equal(forwards('all'), true);
      } finally {
        writeFileSync('/proc/sys/net/ipv4/ip_forward', '0');
      }
    });

    test('a host that begins to forward is left to it, and stays so', async () => {
      const server = track(await startWithProbe());
      writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
      try {
        await until('the neighbour passes', () => neighbourReachesWeb(internet));
        await server.stop();
        assert.deepEqual(['wan0', 'lan0', 'all'].map(forwards), [true, true, true]);
      } finally {
        writeFileSync('/proc/sys/net/ipv4/ip_forward', '0');
      }
    });

    test("somebody else's firewall that would hold functions back is told with the commands", async () => {
      const nft = (...words: string[]) => execFileSync('nft', words);
      nft('add', 'table', 'ip', 'filter');
      nft('add', 'chain', 'ip', 'filter', 'FORWARD', '{ type filter hook forward priority 0; policy drop; }');
      try {
        const server = track(await startTestServer());
        const commands = [...server.stdout().matchAll(/^warning: {2}to mend that: (.*)$/gm)].map(([, text]) => text);
        assert.match(server.stdout(), /^warning: {2}the firewall of this machine \(ip filter FORWARD\)/m);
        assert.deepEqual(commands, [
          'sudo iptables -I FORWARD -i lmbd+ -j ACCEPT',
          'sudo iptables -I FORWARD -o lmbd+ -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
        ]);
        await server.stop();
        // What these commands amount to; after them there is nothing to tell, and functions get out.
        nft('insert', 'rule', 'ip', 'filter', 'FORWARD', 'iifname', '"lmbd*"', 'accept');
        nft(
          'insert',
          'rule',
          'ip',
          'filter',
          'FORWARD',
          'oifname',
          '"lmbd*"',
          'ct',
          'state',
          'established,related',
          'accept',
        );
        const next = track(await startWithProbe());
        assert.doesNotMatch(next.stdout(), /^warning:/m);
        await next.stop();
      } finally {
        nft('delete', 'table', 'ip', 'filter');
      }
    });
  });
}
