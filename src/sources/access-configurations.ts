/** How a mapping gets at its source: SourceAccessConfigurations (lambda-facts 2, 8.1). But for a missing list, AWS's texts are not known. */
import { invalidParameter } from '../model/api-error.ts';
import type { SourceAccessConfiguration } from '../model/types.gen.ts';
import type { MappingSettings } from './mapping-record.ts';
import type { SourceKind } from './source-kind.ts';
import { missing } from './source-traits.ts';

type AccessType = NonNullable<SourceAccessConfiguration['Type']>;

const typesOf: Partial<Record<SourceKind, readonly AccessType[]>> = {
  mq: ['BASIC_AUTH', 'VIRTUAL_HOST'],
  documentdb: ['BASIC_AUTH'],
  msk: ['SASL_SCRAM_512_AUTH', 'CLIENT_CERTIFICATE_TLS_AUTH'],
  kafka: [
    'BASIC_AUTH',
    'VPC_SUBNET',
    'VPC_SECURITY_GROUP',
    'SASL_SCRAM_512_AUTH',
    'SASL_SCRAM_256_AUTH',
    'CLIENT_CERTIFICATE_TLS_AUTH',
    'SERVER_ROOT_CA_CERTIFICATE',
    'OAUTHBEARER_AUTH',
    'OAUTHBEARER_SCOPE',
    'OAUTHBEARER_AUDIENCE',
    'OAUTHBEARER_LOGICAL_CLUSTER',
    'OAUTHBEARER_IDENTITY_POOL',
    'IAM_AUTH',
    'IAM_OAUTHBEARER_AUTH',
  ],
};

/** The function's role signs for these: there is no secret to name. */
const WITHOUT_URI: readonly AccessType[] = ['IAM_AUTH', 'IAM_OAUTHBEARER_AUTH'];

/** A type → those of which one must stand beside it. */
const companions: Partial<Record<AccessType, readonly AccessType[]>> = {
  OAUTHBEARER_SCOPE: ['OAUTHBEARER_AUTH'],
  OAUTHBEARER_LOGICAL_CLUSTER: ['OAUTHBEARER_AUTH'],
  OAUTHBEARER_IDENTITY_POOL: ['OAUTHBEARER_AUTH'],
  OAUTHBEARER_AUDIENCE: ['OAUTHBEARER_AUTH', 'IAM_OAUTHBEARER_AUTH'],
  IAM_OAUTHBEARER_AUTH: ['OAUTHBEARER_AUDIENCE'],
};

/** What a web identity's token leaves no room for. */
const BESIDE_NO_WEB_IDENTITY: readonly AccessType[] = [
  'OAUTHBEARER_AUTH',
  'OAUTHBEARER_SCOPE',
  'OAUTHBEARER_LOGICAL_CLUSTER',
  'OAUTHBEARER_IDENTITY_POOL',
];

/** Sources that nobody gets at without being told how. */
const CLOSED: readonly SourceKind[] = ['kafka', 'mq', 'documentdb'];
/** Those of them that know one way only. */
const BEHIND_PASSWORD: readonly SourceKind[] = ['mq', 'documentdb'];

/** Throws InvalidParameterValueException. */
export function checkAccess(kind: SourceKind, given: readonly SourceAccessConfiguration[] = []): void {
  if (CLOSED.includes(kind) && given.length === 0) throw missing('sourceAccessConfigurations');
  const types = given.map(({ Type }) => Type).filter((type) => type !== undefined);
  for (const { Type, URI } of given) {
    if (Type === undefined) throw missing('sourceAccessConfigurations.type');
    if (!typesOf[kind]?.includes(Type)) throw unsupportedType(Type);
    if (WITHOUT_URI.includes(Type) !== (URI === undefined))
      throw invalidParameter(
        URI === undefined
          ? `The source access configuration type ${Type} requires a URI.`
          : `The source access configuration type ${Type} does not support a URI.`,
      );
    const needed = companions[Type];
    if (needed !== undefined && !needed.some((type) => types.includes(type)))
      throw invalidParameter(`The source access configuration type ${Type} requires ${needed.join(' or ')}.`);
  }
  if (BEHIND_PASSWORD.includes(kind) && !types.includes('BASIC_AUTH'))
    throw invalidParameter(
      'The source access configuration type BASIC_AUTH is required for given event source mapping type.',
    );
  const excluded = BESIDE_NO_WEB_IDENTITY.find((type) => types.includes(type));
  if (types.includes('IAM_OAUTHBEARER_AUTH') && excluded !== undefined)
    throw invalidParameter(`The source access configuration type IAM_OAUTHBEARER_AUTH does not support ${excluded}.`);
}

/** The list that takes the place of the present one; the virtual host of a broker stays what it was made with. */
export function changeAccess(
  kind: SourceKind,
  { SourceAccessConfigurations: present = [] }: MappingSettings,
  given: readonly SourceAccessConfiguration[] | undefined,
): MappingSettings {
  if (given === undefined) return {};
  if (kind !== 'mq') return { SourceAccessConfigurations: given };
  if (given.some(({ Type }) => Type === 'VIRTUAL_HOST')) throw unsupportedType('VIRTUAL_HOST');
  return { SourceAccessConfigurations: [...given, ...present.filter(({ Type }) => Type === 'VIRTUAL_HOST')] };
}

function unsupportedType(type: AccessType): Error {
  return invalidParameter(`Unsupported source access configuration type ${type} for given event source mapping type.`);
}
