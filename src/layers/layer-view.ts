/** A layer version as AWS shows it, alone and in lists (lambda-facts 6.6, 13). */
import { formatLastModified } from '../base/last-modified.ts';
import type { GetLayerVersionResponse, LayerVersionsListItem } from '../model/types.gen.ts';
import { base64Digest } from '../packages/code-digest.ts';
import type { CodePackages } from '../packages/code-packages.ts';
import type { Namespace } from '../store/namespace.ts';
import { layerArn, layerVersionArn } from './layer-name.ts';
import type { LayerVersionBody } from './layer-records.ts';

export interface LayerViewTools {
  readonly packages: CodePackages;
  /** `http://host:port` for the link to the content, which is good for ten minutes. */
  readonly origin: string;
}

/** The whole of it: what PublishLayerVersion and GetLayerVersion answer. */
export function viewLayerVersion(
  namespace: Namespace,
  version: LayerVersionBody,
  { packages, origin }: LayerViewTools,
): GetLayerVersionResponse {
  const { code } = version;
  return {
    Content: {
      Location: packages.link(origin, code),
      CodeSha256: base64Digest(code.sha256),
      CodeSize: code.sizeBytes,
      ...(version.resolved === undefined ? {} : { ResolvedS3Object: version.resolved }),
    },
    LayerArn: layerArn(namespace, version.name),
    ...viewListed(namespace, version),
  };
}

/** Without the content, as lists show it. Members that the publisher left out are left out. */
export function viewListed(namespace: Namespace, version: LayerVersionBody): LayerVersionsListItem {
  const { compatibleRuntimes, compatibleArchitectures, licenseInfo } = version;
  return {
    LayerVersionArn: layerVersionArn(namespace, version.name, version.version),
    Version: version.version,
    Description: version.description,
    CreatedDate: formatLastModified(version.created),
    ...(compatibleArchitectures === undefined ? {} : { CompatibleArchitectures: compatibleArchitectures }),
    ...(compatibleRuntimes === undefined ? {} : { CompatibleRuntimes: compatibleRuntimes }),
    ...(licenseInfo === undefined ? {} : { LicenseInfo: licenseInfo }),
  };
}
