import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { skipUnless } from '../support/requirement.ts';
import { testCache } from './shared-cache.ts';

/** Fetching the crates and compiling them for the first time on a machine; half a minute on two idle processors. */
export const RUST_BUILD_MS_MAX = 600_000;

/** Cargo's own name for the registry that is its default. */
const REGISTRY = ['crates', 'io'].join('.');

const folder = join(import.meta.dirname, 'rust');

/** True when `cargo` is there and no older than Cargo.toml says. */
function hasRust(): boolean {
  const { stdout } = spawnSync('cargo', ['--version'], { encoding: 'utf8', cwd: tmpdir() });
  const wanted = /^rust-version = "1\.(\d+)"/m.exec(readFileSync(join(folder, 'Cargo.toml'), 'utf8'));
  return Number(/^cargo 1\.(\d+)/.exec(stdout ?? '')?.[1] ?? 0) >= Number(wanted?.[1]);
}

export const skipWithoutRust = skipUnless(hasRust(), 'needs Rust as new as test/runtimes/rust/Cargo.toml says');

let built: Promise<Buffer> | undefined;

/** The function of test/runtimes/rust, built with AWS's library. What cargo compiled stays in the cache. */
export function rustBootstrap(): Promise<Buffer> {
  built ??= build();
  return built;
}

async function build(): Promise<Buffer> {
  const place = join(testCache, 'rust');
  const put = (path: string, text: string) => writeChanged(join(place, path), text);
  for (const path of ['Cargo.toml', 'src/main.rs']) put(path, readFileSync(join(folder, path), 'utf8'));
  put('Cargo.lock', withSources(readFileSync(join(folder, 'locked-crates.toml'), 'utf8')));
  await promisify(execFile)('cargo', ['build', '--locked', '--quiet'], { cwd: place, timeout: RUST_BUILD_MS_MAX });
  return readFileSync(join(place, 'target', 'debug', 'bootstrap'));
}

/** What has a checksum came from the registry. */
function withSources(lock: string): string {
  const source = `source = "registry+https://github.com/rust-lang/${REGISTRY}-index"`;
  return lock.replaceAll(/^checksum = /gm, `${source}\nchecksum = `);
}

/** Written whole or not at all, since another test may build at the same time, and only when new: cargo goes by times. */
function writeChanged(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}.part`;
  writeFileSync(part, text);
  renameSync(part, path);
}
