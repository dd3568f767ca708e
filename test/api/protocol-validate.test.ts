import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../src/model/api-error.ts';
import { type OperationName, operationModels } from '../../src/model/operations.gen.ts';
import type { Shape } from '../../src/model/shape.ts';
import { shapes } from '../../src/model/shapes.gen.ts';
import { compilePattern } from '../../src/protocol/pattern.ts';
import { validateInput } from '../../src/protocol/validate.ts';

function complaint(operation: OperationName, input: object): { name: string; message: string } | undefined {
  try {
    validateInput(operation, input);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    return { name: error.name, message: error.message };
  }
}

function one(text: string): { name: string; message: string } {
  return { name: 'ValidationException', message: `1 validation error detected: ${text}` };
}

const create = { FunctionName: 'f', Role: 'arn:aws:iam::123456789012:role/r', Code: {} };
const alias = { FunctionName: 'f', Name: 'a', FunctionVersion: '1' };

const failed = (value: string, path: string, text: string) =>
  one(`Value ${value} at '${path}' failed to satisfy constraint: ${text}`);
const recorded: [OperationName, object, ReturnType<typeof one>][] = [
  [
    'CreateFunctionUrlConfig',
    { FunctionName: 'f', AuthType: 'NONE', Qualifier: '$LATEST' },
    failed("'$LATEST'", 'qualifier', 'Member must satisfy regular expression pattern: ((?!^\\d+$)^[0-9a-zA-Z-_]+$)'),
  ],
  [
    'PutProvisionedConcurrencyConfig',
    { FunctionName: 'f', Qualifier: '1', ProvisionedConcurrentExecutions: 0 },
    failed("'0'", 'provisionedConcurrentExecutions', 'Member must have value greater than or equal to 1'),
  ],
  [
    'CreateAlias',
    { ...alias, Name: '2024' },
    failed("'2024'", 'name', 'Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)'),
  ],
  [
    'PutFunctionRecursionConfig',
    { FunctionName: 'f', RecursiveLoop: 'InvalidValue' },
    failed("'InvalidValue'", 'recursiveLoop', 'Member must satisfy enum value set: [Terminate, Allow]'),
  ],
  [
    'CreateFunctionUrlConfig',
    { FunctionName: 'f', AuthType: 'NONE', InvokeMode: 'UNKNOWN' },
    failed("'UNKNOWN'", 'invokeMode', 'Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]'),
  ],
  [
    'CreateFunction',
    { ...create, VpcConfig: { SecurityGroupIds: ['x'] } },
    failed(
      "'[x]'",
      'vpcConfig.securityGroupIds',
      'Member must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: sg-[0-9a-zA-Z]*]',
    ),
  ],
  [
    'CreateFunction',
    { ...create, Architectures: ['X86_64'] },
    failed(
      "'[X86_64]'",
      'architectures',
      'Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]',
    ),
  ],
  [
    'CreateFunction',
    { ...create, Architectures: ['x86_64', 'arm64'] },
    failed("'[x86_64, arm64]'", 'architectures', 'Member must have length less than or equal to 1'),
  ],
  [
    'ListLayers',
    { CompatibleArchitecture: 'archdoesnotexist' },
    failed("'archdoesnotexist'", 'compatibleArchitecture', 'Member must satisfy enum value set: [x86_64, arm64]'),
  ],
  [
    'CreateFunction',
    { ...create, SnapStart: { ApplyOn: 'invalidOption' } },
    failed("'invalidOption'", 'snapStart.applyOn', 'Member must satisfy enum value set: [PublishedVersions, None]'),
  ],
  [
    'CreateAlias',
    { ...alias, RoutingConfig: { AdditionalVersionWeights: { $LATEST: 0.5 } } },
    failed(
      "'{$LATEST=0.5}'",
      'routingConfig.additionalVersionWeights',
      'Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]',
    ),
  ],
  [
    'CreateAlias',
    { ...alias, RoutingConfig: { AdditionalVersionWeights: { 2: -1 } } },
    failed(
      "'{2=-1.0}'",
      'routingConfig.additionalVersionWeights',
      'Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]',
    ),
  ],
  [
    'UntagResource',
    { Resource: 'arn:aws:lambda:eu-west-1:123456789012:function:f' },
    failed('null', 'tagKeys', 'Member must not be null'),
  ],
  [
    'CreateEventSourceMapping',
    { FunctionName: 'f', StartingPosition: 'invalid' },
    failed("'invalid'", 'startingPosition', 'Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]'),
  ],
  [
    'AddPermission',
    { FunctionName: 'f', StatementId: 'example.com', Action: 'lambda:InvokeFunction', Principal: 'p' },
    failed("'example.com'", 'statementId', 'Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)'),
  ],
  [
    'ListFunctions',
    { FunctionVersion: 'invalid' },
    failed("'invalid'", 'functionVersion', 'Member must satisfy enum value set: [ALL]'),
  ],
  [
    'CreateFunction',
    { ...create, Role: 'r1' },
    failed(
      "'r1'",
      'role',
      'Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+',
    ),
  ],
  [
    'CreateFunction',
    { ...create, Environment: { Variables: { 'a-b': 'secret' } } },
    {
      name: 'ValidationException',
      message:
        "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]",
    },
  ],
];

test('recorded refusals come back word for word', () => {
  for (const [operation, input, expected] of recorded) assert.deepEqual(complaint(operation, input), expected);
});

test('all that is wrong is named at once; nested members have their path', () => {
  assert.equal(
    complaint('CreateFunction', { FunctionName: 'a b', MemorySize: 1 })?.message.startsWith(
      "4 validation errors detected: Value 'a b' at 'functionName' failed",
    ),
    true,
  );
  assert.match(
    complaint('CreateFunction', { FunctionName: 'f' })?.message ?? '',
    /^2 validation errors detected: Value null at 'role' .*; Value null at 'code' failed to satisfy constraint: Member must not be null$/,
  );
  const filters = { FunctionName: 'f', FilterCriteria: { Filters: [{}, { Pattern: 'x'.repeat(4097) }] } };
  assert.match(
    complaint('CreateEventSourceMapping', filters)?.message ?? '',
    /' at 'filterCriteria\.filters\.2\.member\.pattern' failed to satisfy constraint: Member must have length less than or equal to 4096$/,
  );
  assert.match(
    complaint('TagResource', { Resource: 'arn:aws:lambda:eu-west-1:123456789012:function:f', Tags: { k: null } })
      ?.message ?? '',
    /^1 validation error detected: Value '\{k=null\}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: \[.*Member must not be null\]$/,
  );
  assert.match(
    complaint('CreateFunction', { ...create, Layers: [null] })?.message ?? '',
    /Value '\[null\]' at 'layers'/,
  );
});

test('an unknown runtime of a function is refused in its own words, after everything else', () => {
  for (const operation of ['CreateFunction', 'UpdateFunctionConfiguration'] as const) {
    const found = complaint(operation, { ...create, Runtime: 'PYTHON3.9' });
    assert.equal(found?.name, 'InvalidParameterValueException');
    assert.match(
      found?.message ?? '',
      /^Value PYTHON3\.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: \[nodejs20\.x, python3\.14, provided\.al2023, .*\] or be a valid ARN$/,
    );
    assert.doesNotMatch(found?.message ?? '', /nodejs12\.x|java8,/);
    assert.equal(complaint(operation, { ...create, Runtime: 'nodejs12.x' }), undefined);
    assert.equal(complaint(operation, { ...create, Runtime: 'x', MemorySize: 1 })?.name, 'ValidationException');
  }
  const layer = {
    LayerName: 'l',
    Content: {},
    CompatibleRuntimes: ['invalidruntime'],
    CompatibleArchitectures: ['invalidarch'],
  };
  assert.match(
    complaint('PublishLayerVersion', layer)?.message ?? '',
    /^2 validation errors detected: Value '\[invalidruntime\]' at 'compatibleRuntimes' failed to satisfy constraint: Member must satisfy enum value set: \[nodejs20\.x, [^\]]*\]; Value '\[invalidarch\]' at 'compatibleArchitectures' failed to satisfy constraint: Member must satisfy enum value set: \[x86_64, arm64\]$/,
  );
});

test('patterns match whole texts as Java does', () => {
  assert.equal(compilePattern('a|b').test('ab'), false);
  assert.equal(compilePattern('[^\\s]+').test('a\u00a0b'), true);
  assert.equal(compilePattern('[^\\s]+').test('a b'), false);
  assert.equal(compilePattern('[\\s\\S]*').test('a\nb'), true);
  assert.equal(compilePattern('[a-zA-Z0-9-_\\.]+').test('a-_.'), true);
  assert.equal(compilePattern('([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)').test('Größe 1'), true);
});

/** Every constrained member of an input, found by walking the model. */
interface Member {
  readonly operation: OperationName;
  readonly path: readonly string[];
  readonly shape: Shape;
  readonly required: boolean;
}

function constrainedMembers(): Member[] {
  const found: Member[] = [];
  const walk = (operation: OperationName, shapeName: string, path: readonly string[], depth: number) => {
    const shape = shapes[shapeName];
    for (const [name, member] of Object.entries(shape?.members ?? {})) {
      const own = shapes[member.shape];
      if (!own) continue;
      found.push({ operation, path: [...path, name], shape: own, required: shape?.required?.includes(name) ?? false });
      if (own.type === 'structure' && depth < 4) walk(operation, member.shape, [...path, name], depth + 1);
    }
  };
  for (const [name, model] of Object.entries(operationModels)) walk(name as OperationName, model.input, [], 0);
  return found;
}

function inputWith(path: readonly string[], value: unknown): object {
  return path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object;
}

/** Values that break one constraint of a shape each, with the text that must name it. */
function breakers(shape: Shape): [unknown, string][] {
  const found: [unknown, string][] = [];
  const { type, min, max } = shape;
  const ofLength = (length: number) =>
    type === 'list' ? Array(length).fill(null) : type === 'blob' ? new Uint8Array(length) : '#'.repeat(length);
  const numeric = type === 'integer' || type === 'long' || type === 'double';
  if (numeric) {
    if (min !== undefined) found.push([min - 1, 'Member must have value greater than or equal to']);
    if (max !== undefined) found.push([max + 1, 'Member must have value less than or equal to']);
  } else if (type !== 'map') {
    if (min !== undefined && min > 0)
      found.push([ofLength(min - 1), `Member must have length greater than or equal to ${min}`]);
    if (max !== undefined) found.push([ofLength(max + 1), `Member must have length less than or equal to ${max}`]);
  }
  if (shape.pattern !== undefined && !compilePattern(shape.pattern).test('\u0000 \n#'))
    found.push(['\u0000 \n#', 'Member must satisfy regular expression pattern: ']);
  if (shape.enum) found.push(['no such value', 'Member must satisfy enum value set: [']);
  return found;
}

test('every constrained member of every operation refuses what breaks it, by name', () => {
  let checked = 0;
  for (const { operation, path, shape, required } of constrainedMembers()) {
    const at = `' at '${path.map((name) => name.charAt(0).toLowerCase() + name.slice(1)).join('.')}' failed`;
    if (required) {
      const found = complaint(operation, inputWith(path.slice(0, -1), {}));
      assert.ok(
        found?.message.includes(`Value null${at.slice(1)} to satisfy constraint: Member must not be null`),
        `${operation} ${path}`,
      );
      checked++;
    }
    if (shape.sensitive || path.at(-1) === 'Runtime') continue;
    for (const [value, text] of breakers(shape)) {
      const found = complaint(operation, inputWith(path, value));
      assert.equal(found?.name, 'ValidationException', `${operation} ${path} ${text}`);
      assert.ok(
        found.message.includes(at) && found.message.includes(text),
        `${operation} ${path} ${text}: ${found.message.slice(0, 300)}`,
      );
      checked++;
    }
  }
  assert.ok(checked > 900, String(checked));
});

test('hostile texts cost little', () => {
  const endpoints = Array(10).fill('a'.repeat(100_000));
  complaint('CreateEventSourceMapping', {
    FunctionName: 'f',
    SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: endpoints } },
  });
  const found = complaint('CreateAlias', { ...alias, Description: 'x'.repeat(1_000_000) });
  assert.ok((found?.message.length ?? 0) < 11_000);
  const many = complaint('CreateEventSourceMapping', {
    FunctionName: 'f',
    FilterCriteria: { Filters: Array(5000).fill({ Pattern: 'x'.repeat(5000) }) },
  });
  assert.ok((many?.message.length ?? 0) < 2_000_000);
});
