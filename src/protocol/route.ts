// Deliberate difference from AWS: a known path with a wrong method is answered like an unknown path, 404
// UnknownOperationException, the only answer the REST-JSON protocol has for "no such operation". AWS's front end says
// 403 AccessDeniedException "Unable to determine service/operation name to be authorized", which sends people to look
// for a permission they do not lack.
import { ApiError } from '../model/api-error.ts';
import { type OperationName, operationModels } from '../model/operations.gen.ts';
import type { OperationModel } from '../model/shape.ts';
import { percentDecode, type QueryParameter } from './target.ts';

/** The operation that a request asks for, with the decoded values of its path labels in the order of the path. */
export interface Route {
  readonly operation: OperationName;
  readonly labels: readonly string[];
}

interface Candidate {
  readonly operation: OperationName;
  /** Fixed query parameter that must be there, for two operations on one path. */
  readonly fixed: QueryParameter | undefined;
}

interface TrieNode {
  readonly literals: Map<string, TrieNode>;
  label: TrieNode | undefined;
  /** Operations that end here, by method; those with a fixed query parameter first. */
  readonly methods: Map<string, Candidate[]>;
}

/** No path of the model has more; longer ones are unknown without looking at them. */
const SEGMENTS_MAX = 8;

function newNode(): TrieNode {
  return { literals: new Map(), label: undefined, methods: new Map() };
}

function childFor(node: TrieNode, segment: string): TrieNode {
  if (segment.startsWith('{')) {
    node.label ??= newNode();
    return node.label;
  }
  let next = node.literals.get(segment);
  if (!next) {
    next = newNode();
    node.literals.set(segment, next);
  }
  return next;
}

function compile(): TrieNode {
  const root = newNode();
  for (const [name, row] of Object.entries(operationModels)) {
    const model: OperationModel = row;
    let node = root;
    for (const segment of model.path.slice(1).split('/')) node = childFor(node, segment);
    const [fixedName, fixedValue = ''] = model.query?.split('=') ?? [];
    const fixed = fixedName === undefined ? undefined : { name: fixedName, value: fixedValue };
    const candidates = node.methods.get(model.method) ?? [];
    const candidate = { operation: name as OperationName, fixed };
    node.methods.set(model.method, fixed ? [candidate, ...candidates] : [...candidates, candidate]);
  }
  return root;
}

const trie = compile();

/** Names of the labels of an operation's path, in their order. */
export function labelNames(model: OperationModel): readonly string[] {
  return Array.from(model.path.matchAll(/\{(\w+)\}/g), (match) => match[1] ?? '');
}

function unknownOperation(): ApiError {
  return new ApiError('UnknownOperationException', 'The requested operation is not part of the AWS Lambda API.');
}

/**
 * Finds the operation of a request. The work depends on the length of the path alone. Labels may hold encoded slashes
 * and colons (ARNs); one trailing slash is ignored, as the API's first clients sent `/functions/`.
 *
 * The paths of the sibling services behind the same endpoint name (network connectors, micro-VMs, web functions) are
 * not in the table: they are unknown operations until somebody writes them.
 *
 * @param path as it came over the wire, percent-encoded
 * @throws ApiError UnknownOperationException (404), SerializationException (400) for a label that is not UTF-8
 */
export function route(method: string, path: string, query: readonly QueryParameter[]): Route {
  const segments = path.split('/', SEGMENTS_MAX + 2);
  if (segments.length > 2 && segments.at(-1) === '') segments.pop();
  if (segments.length > SEGMENTS_MAX) throw unknownOperation();
  const labels: string[] = [];
  let node: TrieNode | undefined = trie;
  for (let i = 1; i < segments.length && node; i++) {
    const segment = segments[i] ?? '';
    const literal: TrieNode | undefined = node.literals.get(segment);
    if (literal) node = literal;
    else {
      node = node.label;
      if (node) labels.push(decodeLabel(segment));
    }
  }
  for (const { operation, fixed } of node?.methods.get(method) ?? []) {
    if (!fixed || query.some(({ name, value }) => name === fixed.name && value === fixed.value))
      return { operation, labels };
  }
  throw unknownOperation();
}

function decodeLabel(segment: string): string {
  const label = percentDecode(segment);
  if (label === undefined) throw new ApiError('SerializationException', 'The request URI is not well-formed UTF-8.');
  return label;
}
