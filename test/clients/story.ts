// What the client stories share: the users their server runs as, moto as the neighbour, and one table of what is made,
// configured and expected. Each client's own program reads the table from a JSON file.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extent } from '../proof/extent.ts';
import { type Moto, startMoto } from '../support/moto.ts';
import { canSwitchUser, nobody, type User } from '../support/readable-checkout.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';
import { furnish, neighbourVariables } from './neighbours.ts';

interface ToldTo {
  readonly title: string;
  readonly asUser?: User;
}

const ordinary: ToldTo = { title: 'a server of an ordinary user', ...(canSwitchUser ? { asUser: nobody } : {}) };

/** Each story is told to the server that may least and, where root runs the full checks, to one of root's as well. */
export const servers: readonly ToldTo[] =
  canSwitchUser && extent !== 'reduced' ? [{ title: 'a server of root' }, ordinary] : [ordinary];

const POLL_MS = 100;
const POLLS_MAX = 100;

const ACCOUNT = '000000000000';
const LAMBDA_ARN = `arn:aws:lambda:us-east-1:${ACCOUNT}`;
const NAME = 'greeter';

/** An error by its name, and the beginning of its text as AWS words it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** What every client's story is told from: names to give, values to set, answers and errors to expect. */
export type Story = ReturnType<typeof makeStory>;

type Furniture = Awaited<ReturnType<typeof furnish>>;

const failure = (code: string, message: string): Failure => ({ code, message });

function makeStory(dir: string, furniture: Furniture) {
  return {
    ...furniture,
    name: NAME,
    arn: `${LAMBDA_ARN}:function:${NAME}`,
    nameFromS3: 'from-s3',
    others: ['other-0', 'other-1', 'other-2'],
    layer: 'wording',
    layerArn: `${LAMBDA_ARN}:layer:wording`,
    runtime: 'nodejs24.x',
    handler: 'index.handler',
    zipFile: join(dir, 'greeter.zip'),
    laterZipFile: join(dir, 'later.zip'),
    layerZipFile: join(dir, 'layer.zip'),
    profileArn: `arn:aws:signer:us-east-1:${ACCOUNT}:/signing-profiles/story/abcdef0123`,
    runtimeVersionArn: 'arn:aws:lambda:us-east-1::runtime:',
    urlPattern: '^http://127\\.0\\.0\\.1:[0-9]+/[0-9a-f]{32}/$',
    memorySize: 256,
    mappedBatchSize: 5,
    reserved: 7,
    provisioned: 1,
    weight: 0.5,
    tags: { team: 'one', 'cost/centre': '4 2' },
    pageSize: 2,
    errors: errorTable(),
  };
}

function errorTable() {
  return {
    missingFunction: failure(
      'ResourceNotFoundException',
      `Function not found: ${LAMBDA_ARN}:function:nobody-made-this`,
    ),
    functionExists: failure('ResourceConflictException', `Function already exist: ${NAME}`),
    noZip: failure('InvalidParameterValueException', 'Could not unzip uploaded file. Please check your file'),
    staleRevision: failure(
      'PreconditionFailedException',
      'The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve',
    ),
    missingObject: failure(
      'InvalidParameterValueException',
      'Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message:',
    ),
    missingAlias: failure('ResourceNotFoundException', `Cannot find alias arn: ${LAMBDA_ARN}:function:${NAME}:nobody`),
    missingPolicy: failure('ResourceNotFoundException', 'The resource you requested does not exist.'),
    missingLayerPolicy: failure('ResourceNotFoundException', 'No policy is associated with the given resource.'),
    missingLayer: failure('ResourceNotFoundException', 'The resource you requested does not exist.'),
    missingMapping: failure('ResourceNotFoundException', 'The resource you requested does not exist.'),
    missingQueue: failure('InvalidParameterValueException', 'Error occurred while ReceiveMessage. SQS Error Code: '),
    missingStream: failure('InvalidParameterValueException', 'Stream not found: '),
    mappingExists: failure('ResourceConflictException', 'An event source mapping with SQS arn ('),
    versionInUse: failure(
      'ResourceConflictException',
      'Unable to delete version because the following aliases reference it: [',
    ),
    noProvisioned: failure(
      'ProvisionedConcurrencyConfigNotFoundException',
      'No Provisioned Concurrency Config found for this function',
    ),
    tooMuchReserved: failure(
      'InvalidParameterValueException',
      "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its",
    ),
    missingSigningConfig: failure(
      'ResourceNotFoundException',
      `The Lambda code signing configuration ${LAMBDA_ARN}:code-signing-config:csc-`,
    ),
    missingSigningConfigForFunction: failure(
      'CodeSigningConfigNotFoundException',
      'The code signing configuration cannot be found.',
    ),
    longTimeout: failure(
      'ValidationException',
      "1 validation error detected: Value '901' at 'timeout' failed to satisfy",
    ),
  };
}

/** A function that greets `event.name`, with a word of its layer when asked for it, or fails when asked to. */
async function greeterZip(greeting: string): Promise<Buffer> {
  const source = `
exports.handler = async (event, context) => {
  console.log('greeting', event.name);
  if (event.fail) throw new RangeError('asked to fail');
  const greeting = event.layer ? require('wording').greeting : ${JSON.stringify(greeting)};
  const memory = process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE;
  return { message: greeting + ', ' + event.name + '!', version: context.functionVersion, mood: process.env.MOOD, memory };
};
`;
  return await zipOf({ 'index.js': source });
}

/** A server whose neighbour is moto, and the table that names what is there. */
export interface Stage {
  readonly server: TestServer;
  readonly story: Story;
  /** The table as a file, for programs in other languages. */
  readonly storyFile: string;
  /** A folder for what the client writes. */
  readonly dir: string;
  stop(): Promise<void>;
}

/** Starts moto and lambdad beside it, and puts into moto what the story's settings point at. */
export async function setStage(asUser?: User): Promise<Stage> {
  const dir = mkdtempSync(join(tmpdir(), 'lambdad-story-'));
  let moto: Moto | undefined;
  let server: TestServer | undefined;
  const stop = async () => {
    await server?.stop();
    await moto?.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    chmodSync(dir, 0o755);
    moto = await startMoto({ MOTO_ACCOUNT_ID: ACCOUNT });
    const zip = await greeterZip('Hello');
    const story = makeStory(dir, await furnish(moto.url, zip));
    writeFileSync(story.zipFile, zip);
    writeFileSync(story.laterZipFile, await greeterZip('Goodbye'));
    writeFileSync(
      story.layerZipFile,
      await zipOf({ 'nodejs/node_modules/wording/index.js': "exports.greeting = 'Ahoy';\n" }),
    );
    const storyFile = join(dir, 'story.json');
    writeFileSync(storyFile, JSON.stringify(story));
    server = await startTestServer({ env: neighbourVariables(moto.url), ...(asUser ? { asUser } : {}) });
    return { server, story, storyFile, dir, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Asks until the answer is as wanted. */
export async function until<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  for (let polls = 0; polls < POLLS_MAX; polls++) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  assert.fail(`not within ${(POLLS_MAX * POLL_MS) / 1000} s`);
}
