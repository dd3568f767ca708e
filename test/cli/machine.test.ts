import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { assetPath } from '../../src/base/assets.ts';
import { namespaceRemedy } from '../../src/base/namespace-remedy.ts';
import { namespaceFindings } from '../../src/cli/examine-sandbox.ts';
import { machinePrograms } from '../../src/runtimes/machine-programs.ts';
import { FakeLambda } from './fake-lambda.ts';
import { folderOf, runCommand } from './run-command.ts';

interface Report {
  readonly ok: boolean;
  readonly findings: { section: string; name: string; level: string; text: string; mend: string[] }[];
}

describe('doctor', () => {
  it('covers every section, each lack with its remedy, and exits by whether there is one', async () => {
    await using folder = await folderOf('data', {});
    const run = await runCommand(['doctor', '--json'], { env: { LAMBDAD_DATA: folder.path, LAMBDAD_PORT: '1' } });
    const report = JSON.parse(run.stdout) as Report;
    assert.equal(run.code, report.ok ? 0 : 1);
    assert.equal(
      report.ok,
      report.findings.every(({ level }) => level !== 'lack'),
    );
    for (const section of ['sandbox', 'network', 'runtimes', 'limits', 'disk'])
      assert.ok(
        report.findings.some((finding) => finding.section === section),
        section,
      );
    for (const { level, name, mend } of report.findings) if (level === 'lack') assert.notEqual(mend.length, 0, name);
    const server = report.findings.find(({ name }) => name === 'server');
    assert.deepEqual(server?.mend, ['lambdad start']);
  });

  it('says in plain text what is lacking and how to mend it', async () => {
    await using folder = await folderOf('data', { file: '' });
    const { code, stdout } = await runCommand(['doctor', '--data', join(folder.path, 'file')]);
    assert.equal(code, 1);
    assert.match(stdout, /^disk\n {2}lack {2}data folder {4}.*file is not a folder\n {8}lambdad start --data DIR/m);
    assert.match(stdout, /^ {2}ok {4}nodejs\d+\.x /m);
  });

  it('tells a server of lambdad from something else', async () => {
    await using fake = await new FakeLambda().start();
    const { stdout } = await runCommand(['doctor', '--json', '--endpoint', fake.url]);
    const { findings } = JSON.parse(stdout) as Report;
    assert.match(findings.find(({ name }) => name === 'server')?.text ?? '', /something else answers .* \(HTTP 404\)/);
  });

  it('names the step that failed and a way on when no setting explains it', () => {
    const findings = namespaceFindings({ ok: false, step: 'unshare', message: 'EPERM', seccomp: true }, undefined);
    const lacking = findings.find(({ level }) => level === 'lack');
    assert.match(lacking?.text ?? '', /unshare: EPERM/);
    assert.match(lacking?.mend[0] ?? '', /^lambdad start --sandbox process/);
  });
});

it('names bubblewrap where it stands in for the launcher', () => {
  const probe = { ok: false, step: 'unshare', message: 'EPERM', seccomp: true, landlock: 7 };
  const findings = namespaceFindings(probe, undefined, { path: '/usr/bin/bwrap' });
  assert.deepEqual(
    findings.map(({ level }) => level),
    ['note', 'ok', 'ok'],
  );
  assert.match(findings[0]?.text ?? '', /^by bubblewrap \(\/usr\/bin\/bwrap\).*unshare: EPERM/);
});

describe('namespaceRemedy', () => {
  const remedyWith = (settings: Readonly<Record<string, string>>, inContainer = false) =>
    namespaceRemedy('/opt/lambdad-sandbox', (path) => settings[path], inContainer);

  it('gives the exact commands for each known cause', () => {
    const apparmor = remedyWith({ '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1\n' });
    assert.match(apparmor?.reason ?? '', /AppArmor/);
    assert.match(apparmor?.commands[0] ?? '', /profile lambdad-sandbox \/opt\/lambdad-sandbox flags=\(unconfined\)/);
    assert.match(apparmor?.commands[0] ?? '', /apparmor_parser -r \/etc\/apparmor\.d\/lambdad-sandbox$/);
    assert.match(apparmor?.commands[1] ?? '', /^sudo sysctl -w kernel\.apparmor_restrict_unprivileged_userns=0/);
    const clone = remedyWith({ '/proc/sys/kernel/unprivileged_userns_clone': '0\n' });
    assert.equal(clone?.commands[0], 'sudo sysctl -w kernel.unprivileged_userns_clone=1');
    const none = remedyWith({ '/proc/sys/user/max_user_namespaces': '0\n' });
    assert.match(none?.commands[0] ?? '', /^sudo sysctl -w user\.max_user_namespaces=\d+$/);
    assert.match(remedyWith({}, true)?.commands[0] ?? '', /^docker run --security-opt/);
  });

  it('has none when no known setting is the cause', () => {
    assert.equal(remedyWith({ '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '0\n' }), undefined);
  });
});

describe('interpreters', () => {
  const says = (version: string, path: string) =>
    `#!/bin/sh\necho asked >> "$0.asked"\nprintf '${version}\\n${path}\\n'`;

  it('finds in PATH, pyenv and uv, newest patch level first, and follows shims to the interpreter', async () => {
    await using home = await folderOf('home', {
      'bin/python3.15*': says('3.15.2', '/bin/sh'),
      '.pyenv/versions/3.14.1/bin/python3.14*': says('3.14.1', '/bin/sh'),
      '.pyenv/versions/3.14.10/bin/python3.14*': says('3.14.10', '/bin/sh'),
      'uv/cpython-3.8.20-linux/bin/python3.8*': says('3.8.20', '/bin/sh'),
    });
    const env = {
      PATH: join(home.path, 'bin'),
      HOME: home.path,
      UV_PYTHON_INSTALL_DIR: join(home.path, 'uv'),
    };
    assert.equal((await machinePrograms('python', env).exact('3.15'))?.fullVersion, '3.15.2');
    assert.equal((await machinePrograms('python', env).exact('3.14'))?.fullVersion, '3.14.10');
    assert.equal((await machinePrograms('python', env).newest())?.version, '3.15');
    const versions = (await machinePrograms('python', env).known()).map(({ version }) => version);
    assert.ok(versions.includes('3.8') && versions.includes('3.14') && versions.includes('3.15'));
    assert.equal(existsSync(join(home.path, '.pyenv/versions/3.14.1/bin/python3.14.asked')), false, 'not needed');
  });

  it('believes what an interpreter says, not its name, and passes over what fails', async () => {
    await using home = await folderOf('home', {
      'bin/python3.14*': says('3.8.1', '/bin/sh'),
      'bin/python3.15*': '#!/bin/sh\nexit 1',
      'bin/python3*': says('3.15.9', '/bin/sh'),
    });
    const env = { PATH: join(home.path, 'bin'), HOME: home.path };
    assert.notEqual((await machinePrograms('python', env).exact('3.14'))?.path, join(home.path, 'bin/python3.14'));
    assert.equal((await machinePrograms('python', env).exact('3.15'))?.fullVersion, '3.15.9');
  });
});

describe('assetPath', () => {
  it('finds what ships beside the code', () => {
    assert.ok(existsSync(assetPath('package.json')));
    assert.ok(existsSync(assetPath('bin/lambdad.mjs')));
  });
});
