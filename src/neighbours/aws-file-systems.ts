import { ask, type Link } from './link.ts';
import { type FileSystems, NeighbourRefusal } from './neighbours.ts';
import { partsOfArn } from './resource-arn.ts';
import { sdkClients } from './sdk-clients.ts';

/** EFS. */
export function awsFileSystems(link: Link): FileSystems {
  const clientOf = sdkClients(link, async () => {
    const { EFSClient } = await import('@aws-sdk/client-efs');
    return (settings) => new EFSClient(settings);
  });
  return {
    async describeAccessPoint(namespace, accessPointArn) {
      const { region, resource } = partsOfArn(accessPointArn);
      const client = await clientOf({ account: namespace.account, region: region || namespace.region });
      const { DescribeAccessPointsCommand } = await import('@aws-sdk/client-efs');
      const id = resource.replace(/^access-point\//, '');
      const command = new DescribeAccessPointsCommand({ AccessPointId: id });
      const { AccessPoints = [] } = await ask(link, 'DescribeAccessPoints', (abortSignal) =>
        client.send(command, { abortSignal }),
      );
      // An empty list says the same as the error does.
      if (AccessPoints.length === 0)
        throw new NeighbourRefusal(link.neighbour, 'DescribeAccessPoints', 'AccessPointNotFound', `no ${id}`);
    },
  };
}
