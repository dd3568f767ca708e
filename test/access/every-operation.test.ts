import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as sdk from '@aws-sdk/client-lambda';
import type { Identity } from '../../src/access/identity.ts';
import { readPolicy } from '../../src/access/policy-document.ts';
import { watchPolicies } from '../../src/access/policy-watch.ts';
import { systemClock } from '../../src/base/clock.ts';
import { randomIds } from '../../src/base/ids.ts';
import { type OperationName, operationModels } from '../../src/model/operations.gen.ts';
import type { Services } from '../../src/operations/operation.ts';
import { startTestServer, type TestServer } from '../api/protocol-server.ts';
import { memoryMetadata } from '../support/memory-metadata.ts';
import { actionOf, byUuid, inputs, OWNER, REGION, resourceOf } from './every-operation.ts';

const STRANGER = '222222222222';
const names = Object.keys(operationModels) as OperationName[];

/** Keys are `account/user`, or just `account` for its root; what a user may do is decided by the test that is running. */
let statements: readonly object[] = [];

function identityOf(accessKeyId: string): Identity | undefined {
  const [, user] = accessKeyId.split('_');
  if (user === undefined) return undefined;
  const document = { Version: '2012-10-17', Statement: statements };
  return { kind: 'user', name: user, tags: {}, policies: [readPolicy(document, 'identity', 'test')] };
}

describe('every operation', () => {
  let server: TestServer;

  before(async () => {
    const { metadata, policies } = watchPolicies(memoryMetadata());
    server = await startTestServer({
      pipeline: {
        services: { clock: systemClock, ids: randomIds, metadata } as unknown as Services,
        policies,
        authentication: {
          mode: 'sigv4',
          findSecret: (id) => ({ secretAccessKey: 'secret', account: id.slice(0, 12) }),
          findIdentity: identityOf,
        },
      },
    });
  });

  after(() => server[Symbol.asyncDispose]());

  /** The name and text of the refusal; undefined when the operation was reached. */
  async function refusalOf(lambda: sdk.LambdaClient, name: OperationName): Promise<string | undefined> {
    const callsBefore = server.calls.length;
    const commands = sdk as unknown as Record<string, new (input: object) => sdk.InvokeCommand>;
    const Command = commands[`${name}Command`];
    assert.ok(Command, `the SDK has no ${name}`);
    try {
      await lambda.send(new Command(inputs[name]));
    } catch (error) {
      // An empty answer of a stub is no event stream, which the SDK says in its own way.
      if (server.calls.length > callsBefore) return undefined;
      const { name: errorName, message, $metadata } = error as sdk.LambdaServiceException;
      return `${errorName} ${$metadata?.httpStatusCode}: ${message}`;
    }
    assert.equal(server.calls.length, callsBefore + 1);
    return undefined;
  }

  async function walk(accessKeyId: string, expected: (name: OperationName) => string | undefined): Promise<void> {
    const lambda = new sdk.LambdaClient({
      endpoint: `http://127.0.0.1:${server.port}`,
      region: REGION,
      credentials: { accessKeyId, secretAccessKey: 'secret' },
      maxAttempts: 1,
    });
    try {
      for (const name of names) assert.equal(await refusalOf(lambda, name), expected(name), name);
    } finally {
      lambda.destroy();
    }
  }

  const refused = (who: string, name: OperationName, account: string, why: string) =>
    `AccessDeniedException 403: User: arn:aws:iam::${who} is not authorized to perform: ${actionOf(name)} on resource: ` +
    `${resourceOf(name, account)} ${why}`;

  it('is there', () => {
    assert.equal(names.length, 88);
  });

  it('is refused to a user who may do nothing, before anything else is told', async () => {
    statements = [{ Effect: 'Allow', Action: 'logs:*', Resource: '*' }];
    await walk(`${OWNER}_idle`, (name) =>
      refused(
        `${OWNER}:user/idle`,
        name,
        OWNER,
        `because no identity-based policy allows the ${actionOf(name)} action`,
      ),
    );
  });

  it('is refused to the root of another account, which may do in its own what it likes', async () => {
    await walk(STRANGER, (name) => {
      if (byUuid.includes(name) || resourceOf(name, STRANGER) === '*') return undefined;
      const why = `because no resource-based policy allows the ${actionOf(name)} action`;
      return refused(`${STRANGER}:root`, name, OWNER, why);
    });
  });

  it('is refused to a user of another account who may do everything', async () => {
    statements = [{ Effect: 'Allow', Action: '*', Resource: '*' }];
    await walk(`${STRANGER}_keen`, (name) => {
      if (byUuid.includes(name) || resourceOf(name, STRANGER) === '*') return undefined;
      const why = `because no resource-based policy allows the ${actionOf(name)} action`;
      return refused(`${STRANGER}:user/keen`, name, OWNER, why);
    });
  });

  it('is allowed to a user who may do just this to just this, and nothing else then is', async () => {
    for (const allowed of ['GetFunction', 'Invoke', 'ListLayers', 'TagResource', 'GetLayerVersion'] as const) {
      statements = [{ Effect: 'Allow', Action: actionOf(allowed), Resource: resourceOf(allowed, OWNER) }];
      await walk(`${OWNER}_one`, (name) => {
        if (actionOf(name) === actionOf(allowed)) return undefined;
        const why = `because no identity-based policy allows the ${actionOf(name)} action`;
        return refused(`${OWNER}:user/one`, name, OWNER, why);
      });
    }
  });

  it('is allowed by the action and resource of its own row alone', async () => {
    // PutFunctionCodeSigningConfig asks for the function and for the configuration, CreateFunction for the role too.
    const passRole = { Effect: 'Allow', Action: 'iam:PassRole', Resource: inputs.CreateFunction.Role };
    for (const name of names) {
      const also = name === 'PutFunctionCodeSigningConfig' ? resourceOf('GetCodeSigningConfig', OWNER) : [];
      const resource = [resourceOf(name, OWNER)].concat(also);
      statements = [{ Effect: 'Allow', Action: actionOf(name), Resource: resource }, passRole];
      const lambda = new sdk.LambdaClient({
        endpoint: `http://127.0.0.1:${server.port}`,
        region: REGION,
        credentials: { accessKeyId: `${OWNER}_exact`, secretAccessKey: 'secret' },
        maxAttempts: 1,
      });
      assert.equal(await refusalOf(lambda, name), undefined, name);
      statements = [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action: actionOf(name), Resource: resource },
      ];
      const why = 'with an explicit deny in an identity-based policy';
      assert.equal(await refusalOf(lambda, name), refused(`${OWNER}:user/exact`, name, OWNER, why), name);
      lambda.destroy();
    }
  });

  it('runs for root in its own account', async () => {
    await walk(OWNER, () => undefined);
    assert.deepEqual([...new Set(server.calls.map(({ account }) => account))].sort(), [OWNER, STRANGER]);
  });
});
