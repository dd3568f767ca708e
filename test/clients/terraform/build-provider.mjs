// Builds Terraform's provider for AWS from its own sources, unchanged but for the list of services: with all of them it
// would take an hour. Where there is no Terraform, OpenTofu is built too. Runs on Node 20.
//
//     node test/clients/terraform/build-provider.mjs FOLDER
//
// FOLDER then holds terraform-provider-aws, and tofu where it was wanted. Exit codes: 0; 1 a build failed; 3 the Go
// module proxy gives no such provider.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const PROVIDER = {
  name: 'terraform-provider-aws',
  module: 'github.com/hashicorp/terraform-provider-aws',
  version: 'v1.60.1-0.20260602190131-5f2286d6d836',
  sum: 'h1:haLmsj0WF7e6d2TGbk0fbz5qWdA9f8w9sNpMe6J6WqM=',
  packages: '.',
  cut: cutSources,
};
const TOFU = {
  name: 'tofu',
  module: 'github.com/opentofu/opentofu',
  version: 'v1.12.6',
  sum: 'h1:0VT4P8pMmGcCUnQ9JDrJ+Qg2d35Vzm4FFd/9+H7oF98=',
  packages: './cmd/tofu',
};

/** Packages of the provider's internal/service that stay. */
const SERVICES = new Set(['iam', 'lambda', 'logs', 'meta', 'sts']);
/** Packages of the SDK that these use, by themselves or through packages that they share code with. */
const CLIENTS = new Set(['account', 'cloudwatchlogs', 'ec2', 'iam', 'lambda', 'organizations', 's3', 'sts']);

const NOT_SERVED = 3;
const DOWNLOAD_TRIES = 3;

const folder = resolve(process.argv[2] ?? '.');
const scratch = mkdtempSync(join(tmpdir(), 'lambdad-provider-'));

function go(cwd, ...args) {
  return spawnSync('go', args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 });
}

/** The folder of a module's sources, and all that `packages` of it needs fetched: what fails after this is a build. */
function fetched({ module, version, sum, packages, cut = (sources) => sources }) {
  for (let tries = 1; ; tries++) {
    let asked = go(scratch, 'mod', 'download', '-json', `${module}@${version}`);
    if (asked.status === 0) {
      const { Dir, Sum } = JSON.parse(asked.stdout);
      if (Sum !== sum) throw new Error(`${module}@${version} is ${Sum}, not ${sum}`);
      const sources = cut(Dir);
      asked = go(sources, 'list', '-deps', packages);
      if (asked.status === 0) return sources;
    }
    if (tries < DOWNLOAD_TRIES) continue;
    console.error(`${module}@${version} is not to be had: ${asked.error?.message ?? (asked.stderr || asked.stdout)}`);
    process.exit(NOT_SERVED);
  }
}

function build(sources, { name, packages }) {
  const args = ['build', '-buildvcs=false', '-o', join(folder, name), packages];
  const built = spawnSync('go', args, { cwd: sources, stdio: ['ignore', 2, 2] });
  if (built.status !== 0) throw new Error(`${name} was not built: ${built.error?.message ?? `exit ${built.status}`}`);
}

/** The list of packages, without those that go. */
function cutPackages(text) {
  return text
    .split('\n')
    .filter((line) => {
      const [, name] = /internal\/service\/(\w+)"/.exec(line) ?? /^\t+(\w+)\.ServicePackage\(ctx\)/.exec(line) ?? [];
      return name === undefined || SERVICES.has(name);
    })
    .join('\n');
}

/** The file of the SDK's clients, without those that go. */
function cutClients(text) {
  return text
    .replace(/\nfunc \(c \*AWSClient\) \w+\(ctx context\.Context\) \*(\w+)\.Client \{.*?\n\}\n/gs, (whole, name) =>
      CLIENTS.has(name) ? whole : '',
    )
    .replace(/^\t"github\.com\/aws\/aws-sdk-go-v2\/service\/(\w+)"\n/gm, (whole, name) =>
      CLIENTS.has(name) ? whole : '',
    );
}

/** A copy of the sources, for Go changes nothing of its module cache: without tests and documentation, and cut. */
function cutSources(sources) {
  const copy = join(scratch, 'provider');
  rmSync(copy, { recursive: true, force: true });
  for (const name of ['go.mod', 'go.sum', 'main.go', 'internal', 'names', 'version'])
    cpSync(join(sources, name), join(copy, name), {
      recursive: true,
      filter: (path) => !/_test\.go$|\/(?:testdata|test-fixtures)$/.test(path),
    });
  // The cache is read-only, and so is the copy.
  spawnSync('chmod', ['-R', 'u+w', copy]);
  for (const [path, cut] of [
    ['internal/provider/sdkv2/service_packages_gen.go', cutPackages],
    ['internal/conns/awsclient_gen.go', cutClients],
  ]) {
    const file = join(copy, path);
    writeFileSync(file, cut(readFileSync(file, 'utf8')));
  }
  return copy;
}

/** `version` would ask the makers whether it is the newest. */
const has = (command) =>
  spawnSync(command, ['version'], { stdio: 'ignore', env: { ...process.env, CHECKPOINT_DISABLE: '1' } }).status === 0;

process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
mkdirSync(folder, { recursive: true });
// The provider last: where it is, everything is.
const wanted = has('terraform') || has('tofu') ? [PROVIDER] : [TOFU, PROVIDER];
const sources = wanted.map(fetched);
for (const [index, each] of wanted.entries()) build(sources[index], each);
