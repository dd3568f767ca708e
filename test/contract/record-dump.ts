import type { MetadataStore, RecordKind } from '../../src/store/metadata.ts';
import { type Namespace, walkRecords } from '../../src/store/namespace.ts';

/** Named by the compiler when a kind is missing. */
const kinds: Readonly<Record<RecordKind, true>> = {
  function: true,
  version: true,
  alias: true,
  'function-policy': true,
  'event-invoke-config': true,
  'function-url': true,
  'provisioned-concurrency': true,
  'runtime-management': true,
  'version-counter': true,
  layer: true,
  'layer-version': true,
  'event-source-mapping': true,
  'stream-checkpoint': true,
  'code-signing-config': true,
};

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
/** Random parts of ids: hexadecimal, or what stands before a function URL's domain. */
const RANDOM = /\b([0-9a-f]{17}|[0-9a-z]{32,40})\b/g;
const EPOCH_MS_MIN = 1e12;

/**
 * Members that two runs of the same writes may have different: sealed texts, and how far the preparation of a version
 * has come, which goes on behind the write.
 */
const PASSING = new Set(['box', 'kms', 'status', 'serving', 'state', 'lastModified', 'settledAt']);

/** Every record of a namespace as a line of text, without what differs between two runs of the same writes. */
export async function dumpRecords(metadata: MetadataStore, namespace: Namespace): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const kind of Object.keys(kinds) as RecordKind[])
    for await (const { id, body } of walkRecords<unknown>(metadata, namespace, kind))
      if (!isLeaving(body)) lines.push(plain(`${kind} ${id} ${JSON.stringify(body, withoutPassing)}`, namespace));
  return lines.sort();
}

/** A mapping that is being deleted is gone for good, though its record stays a moment for those who look. */
function isLeaving(body: unknown): boolean {
  return (body as { status?: { state?: string } }).status?.state === 'Deleting';
}

function plain(line: string, { account }: Namespace): string {
  return line.replaceAll(account, 'ACCOUNT').replaceAll(UUID, 'UUID').replaceAll(RANDOM, 'RANDOM');
}

function withoutPassing(name: string, value: unknown): unknown {
  if (PASSING.has(name)) return undefined;
  return typeof value === 'number' && value > EPOCH_MS_MIN ? 'TIME' : value;
}
