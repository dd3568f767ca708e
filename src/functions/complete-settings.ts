/**
 * What a draft of settings needs from elsewhere: the neighbours it points at are asked, layers are looked up, variables
 * are sealed.
 */
import { isDeepStrictEqual } from 'node:util';
import { invalidParameter } from '../model/api-error.ts';
import type { VpcConfig } from '../model/types.gen.ts';
import type { Neighbours } from '../neighbours/neighbours.ts';
import { checkGroupsVpc, refusalOf } from '../neighbours/refusals.ts';
import { partsOfArn } from '../neighbours/resource-arn.ts';
import { checkTrust } from '../neighbours/trust-policy.ts';
import type { Vault } from '../neighbours/vault.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { resolveLayers } from './layer-references.ts';
import type { KeptName, Settings } from './records.ts';
import { isSealed, openVariables, sealVariables } from './sealed-environment.ts';
import type { SettingsDraft } from './settings.ts';

export interface SettingsTools {
  readonly metadata: MetadataStore;
  readonly neighbours: Neighbours;
  readonly vault: Vault;
}

/**
 * The settings of a draft. `before` is what the function had, undefined for a new one. Throws
 * InvalidParameterValueException with what a neighbour refused, and what resolveLayers throws.
 */
export async function completeSettings(
  tools: SettingsTools,
  namespace: Namespace,
  functionName: string,
  draft: SettingsDraft,
  before?: Settings,
): Promise<Settings> {
  const { settings, layerArns } = draft;
  const layers =
    layerArns === undefined ? settings.layers : await resolveLayers(tools, namespace, layerArns, before?.layers);
  const { KMSKeyArn, ...kept } = await askNeighbours(tools.neighbours, namespace, settings, before);
  const environment = await sealed(tools.vault, namespace, functionName, draft, before);
  // A key that encrypts nothing is not kept, as Terraform's provider documents of AWS and tests there.
  const isKeyUsed = settings.snapStart !== 'None' || environment !== undefined;
  const { environment: _sealedBefore, layers: _layersBefore, ...rest } = settings;
  return {
    ...rest,
    kept: { ...kept, ...(KMSKeyArn === undefined || !isKeyUsed ? {} : { KMSKeyArn }) },
    ...(layers === undefined || layers.length === 0 ? {} : { layers }),
    ...(environment === undefined ? {} : { environment }),
  };
}

/** Asks only about what changed: what was accepted once is not refused because of an unrelated update. */
async function askNeighbours(
  neighbours: Neighbours,
  namespace: Namespace,
  settings: Settings,
  before: Settings | undefined,
): Promise<Settings['kept']> {
  const changed = (name: KeptName) => !isDeepStrictEqual(settings.kept[name], before?.kept[name]);
  try {
    if (settings.role !== before?.role) await askRole(neighbours, namespace, settings.role);
    if (changed('FileSystemConfigs'))
      for (const { Arn } of (settings.kept.FileSystemConfigs ?? []) as readonly { readonly Arn: string }[])
        await neighbours.efs?.describeAccessPoint(namespace, Arn);
    if (changed('DeadLetterConfig')) await askDeadLetterTarget(neighbours, namespace, settings);
    return changed('VpcConfig') ? await withVpc(neighbours, namespace, settings.kept) : settings.kept;
  } catch (error) {
    throw refusalOf(error);
  }
}

async function askRole({ iam }: Neighbours, namespace: Namespace, roleArn: string): Promise<void> {
  const role = await iam?.getRole(namespace, roleArn);
  if (role !== undefined) checkTrust(role.trustPolicy);
}

async function askDeadLetterTarget(neighbours: Neighbours, namespace: Namespace, { kept }: Settings): Promise<void> {
  const target = (kept.DeadLetterConfig as { readonly TargetArn?: string } | undefined)?.TargetArn;
  if (target === undefined) return;
  switch (partsOfArn(target).service) {
    case 'sqs':
      await neighbours.sqs?.getQueue(namespace, target);
      return;
    case 'sns':
      await neighbours.sns?.getTopic(namespace, target);
      return;
    default:
      // AWS takes nothing else; its text was not recorded.
      throw invalidParameter(`The dead letter target ${target} is neither an SQS queue nor an SNS topic.`);
  }
}

/** The VPC of the subnets, which answers show, is known only to EC2. */
async function withVpc({ ec2 }: Neighbours, namespace: Namespace, kept: Settings['kept']): Promise<Settings['kept']> {
  const { VpcId: _known, ...vpc } = kept.VpcConfig as VpcConfig & { readonly VpcId?: string };
  const subnetIds = vpc.SubnetIds ?? [];
  if (ec2 === undefined || subnetIds.length === 0) return { ...kept, VpcConfig: vpc };
  const { vpcId } = await ec2.describeSubnets(namespace, subnetIds);
  const groupIds = vpc.SecurityGroupIds ?? [];
  if (groupIds.length > 0) checkGroupsVpc(vpcId, (await ec2.describeSecurityGroups(namespace, groupIds))?.vpcIds);
  return { ...kept, VpcConfig: { ...vpc, VpcId: vpcId } };
}

/**
 * Variables that no request touches stay sealed as they are, unless under another key now; those under a key that is gone
 * can be replaced. An update to no variables leaves no environment at all, where a function created with none shows an
 * empty one.
 */
async function sealed(
  vault: Vault,
  namespace: Namespace,
  functionName: string,
  { settings, variables }: SettingsDraft,
  before: Settings | undefined,
): Promise<Settings['environment']> {
  if (before !== undefined && variables !== undefined && Object.keys(variables).length === 0) return undefined;
  const keyArn = settings.kept.KMSKeyArn as string | undefined;
  const sameKey = before !== undefined && keyArn === before.kept.KMSKeyArn;
  const isKept = before?.environment !== undefined && isSealed(before.environment);
  if (variables === undefined && sameKey && isKept) return before.environment;
  try {
    const wanted = variables ?? (before && (await openVariables(vault, namespace, functionName, before)));
    return wanted && (await sealVariables(vault, namespace, functionName, wanted, keyArn));
  } catch (error) {
    throw refusalOf(error);
  }
}
