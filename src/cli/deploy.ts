import { readFile, stat } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import type { AliasConfiguration, CreateFunctionRequest, FunctionConfiguration } from '../model/types.gen.ts';
import { type Client, withClient } from './client.ts';
import { type CodePackage, sizeText, ZIPPED_BYTES_MAX } from './code-files.ts';
import { type Call, type Command, serverOptions } from './command.ts';
import { connectionOf } from './connection.ts';
import { ApiFailure, CommandFailure, EXIT_OK, UsageError } from './failure.ts';
import { cannotGuess, familyOf, findHandler, guess, hasHandlerFile, packageJson } from './guess.ts';
import { callLambda } from './lambda-api.ts';
import { waitReady } from './wait-ready.ts';

const ROLE_DEFAULT = 'arn:aws:iam::000000000000:role/lambda';
const NAME_LETTERS_MAX = 64;

export const command: Command = {
  operands: { min: 1, max: 1 },
  options: {
    name: { type: 'string', value: 'N', help: 'name of the function (from package.json, or of the folder or zip)' },
    runtime: { type: 'string', value: 'R', help: 'nodejs24.x, python3.13, provided.al2023, … (guessed)' },
    handler: { type: 'string', value: 'H', help: 'FILE.EXPORT, such as index.handler (guessed)' },
    'env-file': { type: 'string', value: 'FILE', help: 'environment variables, one NAME=VALUE a line' },
    env: { type: 'string', multiple: true, value: 'K=V', help: 'one environment variable; may be repeated' },
    memory: { type: 'string', value: 'MB', help: 'memory (128)' },
    timeout: { type: 'string', value: 'S', help: 'seconds an invoke may take (3)' },
    role: { type: 'string', value: 'ARN', help: `execution role (${ROLE_DEFAULT})` },
    description: { type: 'string', value: 'TEXT', help: 'description of the function' },
    architecture: { type: 'string', value: 'A', help: 'x86_64 or arm64 (x86_64)' },
    publish: { type: 'boolean', help: 'publish a version when the function is ready' },
    alias: { type: 'string', value: 'NAME', help: 'publish, and point this alias at the version' },
    ...serverOptions,
  },
  notes: [
    'Zips the folder (without .git and node_modules/.cache), creates the function or updates it, waits until it is Active,',
    'and prints its ARN on stdout: that of the version with --publish, of the alias with --alias.',
    'An update changes only what an option names; --env and --env-file together replace all variables.',
    'Exit codes: 0 the function is Active; 1 it is not, with the reason; 2 the command line is wrong.',
  ],
  async run(call) {
    const settings = await settingsOf(call);
    const source = call.operands[0]!;
    const code = await call.terminal.during(() => `packing ${source}`, packageOf(source));
    if (code.zip.length > ZIPPED_BYTES_MAX)
      throw new CommandFailure(`Zipped size must be smaller than ${ZIPPED_BYTES_MAX} bytes`, [
        `${source} is ${code.zip.length} bytes zipped`,
      ]);
    for (const note of code.notes) call.terminal.note(`note: ${note}`);
    const name = call.text('name') ?? (await nameOf(source, code));
    return withClient(connectionOf(call), async (client) => {
      const before = await existing(client, name);
      if (before) await update(call, client, name, code, settings, before);
      else await create(call, client, name, code, settings);
      const ready = await call.terminal.during(() => `waiting until ${name} is Active`, waitReady(client, name));
      return report(call, client, ready, code);
    });
  },
};

/** What the options say, in the API's words; a member that no option names is undefined. */
interface Settings {
  readonly Runtime: CreateFunctionRequest['Runtime'];
  readonly Handler: string | undefined;
  readonly Role: string | undefined;
  readonly Description: string | undefined;
  readonly MemorySize: number | undefined;
  readonly Timeout: number | undefined;
  readonly Environment: { readonly Variables: Readonly<Record<string, string>> } | undefined;
  readonly Architectures: CreateFunctionRequest['Architectures'];
}

async function settingsOf(call: Call): Promise<Settings> {
  const architecture = call.text('architecture');
  if (architecture !== undefined && architecture !== 'x86_64' && architecture !== 'arm64')
    throw new UsageError('--architecture is x86_64 or arm64');
  return {
    // Which runtimes there are is the server's to say.
    Runtime: call.text('runtime') as Settings['Runtime'],
    Handler: call.text('handler'),
    Role: call.text('role'),
    Description: call.text('description'),
    MemorySize: wholeNumber(call, 'memory'),
    Timeout: wholeNumber(call, 'timeout'),
    Environment: await variables(call),
    Architectures: architecture === undefined ? undefined : [architecture],
  };
}

function wholeNumber(call: Call, option: string): number | undefined {
  const text = call.text(option);
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${option}: ${JSON.stringify(text)} is not a whole number`);
  return Number(text);
}

async function variables(call: Call): Promise<Settings['Environment']> {
  const file = call.text('env-file');
  const pairs = call.texts('env');
  if (file === undefined && pairs.length === 0) return undefined;
  const found: Record<string, string> = {};
  if (file !== undefined) Object.assign(found, parseEnv(await readFile(file, 'utf8')));
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError(`--env: ${JSON.stringify(pair)} is not NAME=VALUE`);
    found[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return { Variables: found };
}

async function packageOf(source: string): Promise<CodePackage> {
  const info = await stat(source).catch(() => undefined);
  if (!info) throw new CommandFailure(`${source} is not there`);
  // Loaded only here: the other commands need no zip library.
  if (info.isDirectory()) return (await import('./zip-directory.ts')).zipDirectory(source);
  if (extname(source).toLowerCase() === '.zip' || extname(source) === '.jar')
    return (await import('./read-zip.ts')).readZip(source);
  throw new CommandFailure(`${source} is neither a folder nor a zip`, ['deploy the folder that it lies in']);
}

async function nameOf(source: string, code: CodePackage): Promise<string> {
  const declared = (await packageJson(code.files))['name'];
  const path = resolve(source);
  const raw = typeof declared === 'string' && declared !== '' ? declared : basename(path).replace(/\.zip$/i, '');
  const name = raw
    .replace(/^@[^/]*\//, '')
    .replace(/[^a-zA-Z0-9-_]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, NAME_LETTERS_MAX);
  if (name === '') throw new UsageError('the function needs a name: give --name');
  return name;
}

async function existing(client: Client, name: string): Promise<FunctionConfiguration | undefined> {
  try {
    return await callLambda(client, 'GetFunctionConfiguration', { FunctionName: name });
  } catch (error) {
    if (error instanceof ApiFailure && error.code === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

async function create(call: Call, client: Client, name: string, code: CodePackage, settings: Settings): Promise<void> {
  const given = { runtime: settings.Runtime, handler: settings.Handler };
  const guessed = await guess(code.files, given, call.env);
  const runtime = settings.Runtime ?? guessed?.runtime;
  const handler = settings.Handler ?? guessed?.handler;
  if (runtime === undefined || handler === undefined) throw cannotGuess(code.files, given);
  if (guessed && (settings.Runtime === undefined || settings.Handler === undefined))
    call.terminal.note(`guessed from ${guessed.from}: --runtime ${runtime} --handler ${handler}`);
  await sending(call, code, (onSent) =>
    callLambda(
      client,
      'CreateFunction',
      {
        ...settings,
        FunctionName: name,
        Runtime: runtime as Settings['Runtime'],
        Handler: handler,
        Role: settings.Role ?? ROLE_DEFAULT,
        Code: { ZipFile: code.zip },
      },
      { onSent },
    ),
  );
}

async function update(
  call: Call,
  client: Client,
  name: string,
  code: CodePackage,
  settings: Settings,
  before: FunctionConfiguration,
): Promise<void> {
  const { Architectures, ...configuration } = settings;
  if (before.State === 'Pending' || before.LastUpdateStatus === 'InProgress')
    await call.terminal.during(() => `waiting for another change of ${name}`, settled(client, name));
  await sending(call, code, (onSent) =>
    callLambda(client, 'UpdateFunctionCode', { FunctionName: name, ZipFile: code.zip, Architectures }, { onSent }),
  );
  if (Object.values(configuration).some((value) => value !== undefined)) {
    await call.terminal.during(() => `waiting until the code of ${name} is updated`, settled(client, name));
    await callLambda(client, 'UpdateFunctionConfiguration', { FunctionName: name, ...configuration });
  }
  await tellOfDifference(call, code, { ...before, ...withoutUndefined(configuration) });
}

/** Another change may fail, and this one may mend it. */
async function settled(client: Client, name: string): Promise<void> {
  await waitReady(client, name).catch((error) => {
    if (!(error instanceof CommandFailure) || error instanceof ApiFailure) throw error;
  });
}

function withoutUndefined(settings: Partial<Settings>): Partial<FunctionConfiguration> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** An update keeps runtime and handler; when the new files look like something else, that is worth a word. */
async function tellOfDifference(call: Call, code: CodePackage, after: Partial<FunctionConfiguration>): Promise<void> {
  const looks = await findHandler(code.files);
  if (!looks || after.Runtime === undefined || after.Handler === undefined) return;
  if (looks.family === familyOf(after.Runtime) && hasHandlerFile(code.files, after.Handler)) return;
  const says = `${looks.from} looks like a ${looks.family} function with --handler ${looks.handler}`;
  call.terminal.note(`note: the function keeps ${after.Runtime} ${after.Handler}, but ${says}`);
}

function sending<T>(call: Call, code: CodePackage, send: (onSent: (bytes: number) => void) => Promise<T>): Promise<T> {
  let sent = 0;
  const work = send((bytes) => {
    sent = bytes;
  });
  // The zip travels as base64.
  const whole = (code.zip.length * 4) / 3;
  const percent = () => Math.min(100, Math.floor((100 * sent) / whole));
  return call.terminal.during(() => `uploading ${sizeText(code.zip.length)}, ${percent()} %`, work);
}

async function report(call: Call, client: Client, ready: FunctionConfiguration, code: CodePackage): Promise<number> {
  const { terminal } = call;
  const name = ready.FunctionName!;
  const aliasName = call.text('alias');
  let view = ready;
  let alias: AliasConfiguration | undefined;
  if (call.flag('publish') || aliasName !== undefined) {
    const published = await callLambda(client, 'PublishVersion', { FunctionName: name });
    const waiting = waitReady(client, name, published.Version);
    view = await terminal.during(() => `waiting until version ${published.Version} is Active`, waiting);
  }
  if (aliasName !== undefined) alias = await pointAlias(client, name, aliasName, view.Version!);
  if (call.json) {
    terminal.out(JSON.stringify(alias ? { ...view, Alias: alias } : view, null, 2));
    return EXIT_OK;
  }
  const what = `${ready.Runtime ?? 'image'} ${ready.Handler ?? ''}`.trim();
  terminal.note(`${terminal.paintNote('green', 'deployed')} ${name}: ${what}, ${sizeText(code.zip.length)} zipped`);
  terminal.out(alias?.AliasArn ?? view.FunctionArn ?? name);
  terminal.note(`try it: lambdad invoke ${name} --payload '{}'`);
  return EXIT_OK;
}

async function pointAlias(client: Client, name: string, alias: string, version: string): Promise<AliasConfiguration> {
  const input = { FunctionName: name, Name: alias, FunctionVersion: version };
  try {
    return await callLambda(client, 'UpdateAlias', input);
  } catch (error) {
    if (error instanceof ApiFailure && error.code === 'ResourceNotFoundException')
      return callLambda(client, 'CreateAlias', input);
    throw error;
  }
}
