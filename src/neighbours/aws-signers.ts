import { ask, type Link, unreachable } from './link.ts';
import { NeighbourRefusal, type Signers } from './neighbours.ts';
import { partsOfArn } from './resource-arn.ts';
import { sdkClients } from './sdk-clients.ts';

/** AWS Signer. */
export function awsSigners(link: Link): Signers {
  const clientOf = sdkClients(link, async () => {
    const { SignerClient } = await import('@aws-sdk/client-signer');
    return (settings) => new SignerClient(settings);
  });
  return {
    async getSigningProfile(namespace, profileVersionArn) {
      // `/signing-profiles/name/version`
      const { region, account, resource } = partsOfArn(profileVersionArn);
      const [, , profileName = '', version] = resource.split('/');
      const client = await clientOf({ account: namespace.account, region: region || namespace.region });
      const { GetSigningProfileCommand } = await import('@aws-sdk/client-signer');
      const command = new GetSigningProfileCommand({
        profileName,
        ...(account === '' ? {} : { profileOwner: account }),
      });
      const profile = await ask(link, 'GetSigningProfile', (abortSignal) => client.send(command, { abortSignal }));
      // Signer tells of the version that is current, and no other.
      if (version !== undefined && profile.profileVersion !== version)
        throw new NeighbourRefusal(
          link.neighbour,
          'GetSigningProfile',
          'ResourceNotFoundException',
          `${profileName} has the version ${profile.profileVersion}, not ${version}`,
        );
      const { status } = profile;
      if (status !== 'Active' && status !== 'Canceled' && status !== 'Revoked')
        throw unreachable(link, 'GetSigningProfile', `the status ${JSON.stringify(status)}`);
      return { status };
    },
  };
}
