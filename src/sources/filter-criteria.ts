/** The filter criteria of a mapping: judged, kept (sealed under a KMS key where the caller names one), shown. */
import { ApiError, invalidParameter } from '../model/api-error.ts';
import type { FilterCriteria, FilterCriteriaError } from '../model/types.gen.ts';
import { orRefusal, refusalOf } from '../neighbours/refusals.ts';
import { KeyUnusable, type SealOptions, type Vault } from '../neighbours/vault.ts';
import type { Namespace } from '../store/namespace.ts';
import { type FilterPattern, FilterPatternError, parseFilterPattern } from './filter-pattern.ts';
import { type MappingBody, mappingArn } from './mapping-record.ts';
import type { SourceKind } from './source-kind.ts';

const FILTERS_MAX = 5;

type Filters = Pick<MappingBody, 'filters' | 'sealedFilters' | 'kmsKeyArn'>;
type Owner = Pick<MappingBody, 'uuid'> & Filters;

/**
 * Throws InvalidParameterValueException. An empty list is no filter at all. A field that records of the source do not have
 * is taken, as AWS takes it where Terraform's provider is tested, and is one that no record has.
 */
export function checkFilters(kind: SourceKind, criteria: FilterCriteria | undefined): void {
  const filters = criteria?.Filters ?? [];
  // The quota is documented, its text is not.
  if (filters.length > FILTERS_MAX) throw invalidParameter(`The number of filters must not exceed ${FILTERS_MAX}.`);
  for (const { Pattern } of filters) {
    if (!fitsData(kind, readPattern(Pattern ?? ''))) throw refused();
  }
}

function readPattern(text: string): FilterPattern {
  try {
    return parseFilterPattern(text);
  } catch (error) {
    if (error instanceof FilterPatternError) throw refused();
    throw error;
  }
}

const jsonDataOf: Partial<Record<SourceKind, string>> = { kinesis: 'data', dynamodb: 'dynamodb' };

/** What streams carry must be JSON to be filtered by: a pattern for plain data is refused. */
function fitsData(kind: SourceKind, { fields, alternatives = [] }: FilterPattern): boolean {
  const data = jsonDataOf[kind];
  if (data === undefined) return true;
  return fields.get(data)?.type !== 'leaf' && alternatives.every((one) => fitsData(kind, one));
}

function refused(): Error {
  return invalidParameter('Invalid filter pattern definition.');
}

/**
 * How filters are kept: in clear, or sealed when there is a key. Throws InvalidParameterValueException when the key
 * cannot be used.
 */
export async function keepFilters(
  vault: Vault,
  namespace: Namespace,
  uuid: string,
  criteria: FilterCriteria | undefined,
  kmsKeyArn: string | undefined,
): Promise<Filters> {
  const filters = criteria?.Filters?.length ? criteria : undefined;
  if (kmsKeyArn === undefined) return filters === undefined ? {} : { filters };
  if (filters === undefined) return { kmsKeyArn };
  const text = Buffer.from(JSON.stringify(filters));
  return { kmsKeyArn, sealedFilters: await orRefusal(vault.seal(text, sealOptions(namespace, uuid, kmsKeyArn))) };
}

/** The filters in clear. Throws one of the KMS exceptions when their key cannot be used. */
export function openFilters(vault: Vault, namespace: Namespace, owner: Owner): Promise<FilterCriteria | undefined> {
  return orRefusal(unsealed(vault, namespace, owner));
}

/** The filters as answers show them, or why they cannot be read. */
export async function viewFilters(
  vault: Vault,
  namespace: Namespace,
  owner: Owner,
): Promise<{ readonly FilterCriteria?: FilterCriteria; readonly FilterCriteriaError?: FilterCriteriaError }> {
  try {
    const criteria = await unsealed(vault, namespace, owner);
    return criteria === undefined ? {} : { FilterCriteria: criteria };
  } catch (error) {
    const refusal = refusalOf(error);
    if (!(error instanceof KeyUnusable) || !(refusal instanceof ApiError)) throw refusal;
    return { FilterCriteriaError: { ErrorCode: refusal.name, Message: refusal.message } };
  }
}

async function unsealed(
  vault: Vault,
  namespace: Namespace,
  { uuid, filters, sealedFilters, kmsKeyArn }: Owner,
): Promise<FilterCriteria | undefined> {
  if (sealedFilters === undefined) return filters;
  const text = await vault.open(sealedFilters, sealOptions(namespace, uuid, kmsKeyArn));
  return JSON.parse(Buffer.from(text).toString()) as FilterCriteria;
}

function sealOptions(namespace: Namespace, uuid: string, keyArn: string | undefined): SealOptions {
  const context = { 'aws:lambda:EventSourceMappingArn': mappingArn(namespace, uuid) };
  return { namespace, keyArn, context, what: 'filter criteria' };
}
