import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commands } from '../../src/cli/commands.ts';
import { otherNode, runCommand } from './run-command.ts';

describe('the command line', () => {
  it('prints help that names every command', async () => {
    const { code, stdout, stderr } = await runCommand(['--help']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    for (const { name } of commands) assert.match(stdout, new RegExp(`^  lambdad ${name} `, 'm'));
    assert.match(stdout, /Exit codes/);
  });

  it('prints help of each command, with its exit codes and without doing anything', async () => {
    for (const { name } of commands) {
      const { code, stdout } = await runCommand([name, '--help']);
      assert.equal(code, 0, name);
      assert.match(stdout, new RegExp(`^Usage: lambdad ${name} `, 'm'));
      assert.match(stdout, /^ +--json/m, name);
      assert.match(stdout, /Exit codes/, name);
    }
  });

  it('prints its version', async () => {
    const { code, stdout } = await runCommand(['--version']);
    assert.equal(code, 0);
    assert.match(stdout, /^lambdad \d+\.\d+\.\d+\n$/);
  });

  it('is run by an older Node, which hands over', async (t) => {
    const node = otherNode();
    if (node === undefined) return t.skip('no other Node on PATH');
    const version = await runCommand(['--version'], { node });
    assert.equal(version.code, 0, version.stderr);
    assert.match(version.stdout, /^lambdad \d/);
    const usage = await runCommand(['depoly'], { node });
    assert.equal(usage.code, 2, 'the exit code comes through');
  });

  it('answers an unknown command with the one that was meant, exit 2', async () => {
    for (const [typed, meant] of Object.entries({ depoly: 'deploy', list: 'ls', inv: 'invoke', tail: 'logs' })) {
      const { code, stdout, stderr } = await runCommand([typed]);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.equal(
        stderr,
        `lambdad: unknown command "${typed}": did you mean "lambdad ${meant}"?\nsee: lambdad --help\n`,
      );
    }
    const { stderr } = await runCommand(['frobnicate']);
    assert.doesNotMatch(stderr, /did you mean/);
  });

  it('refuses a wrong command line with exit 2 and points to the help', async () => {
    const wrong = [
      [],
      ['ls', '--frob'],
      ['invoke'],
      ['rm', 'a', 'b'],
      ['logs', 'a', '--since', 'yesterday'],
      ['env', '--shell', 'tcsh'],
      ['deploy', '.', '--memory', 'much'],
      ['deploy', '.', '--env', 'NOVALUE'],
      ['deploy', '.', '--architecture', 'mips'],
      ['invoke', 'a', '--client-context', '{'],
      ['ls', '--endpoint', 'localhost:1'],
    ];
    for (const args of wrong) {
      const { code, stdout, stderr } = await runCommand(args);
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
      assert.equal(stdout, '');
      assert.match(stderr, /--help/);
      assert.doesNotMatch(stderr, /\n {4}at /, 'no stack');
    }
  });

  it('says how to start a server when none answers, exit 1', async () => {
    for (const args of [['ls'], ['invoke', 'f'], ['logs', 'f'], ['rm', 'f']]) {
      const { code, stderr } = await runCommand(args, { env: { LAMBDAD_PORT: '1' } });
      assert.equal(code, 1);
      assert.match(
        stderr,
        /no server answers at http:\/\/127\.0\.0\.1:1 \(connection refused\)\n {2}start one with: lambdad start/,
      );
    }
  });
});
