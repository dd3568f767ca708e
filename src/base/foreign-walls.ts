/**
 * Other people's firewalls that refuse to forward what they do not know. A packet needs the consent of all of them, so
 * that our own rules cannot allow what they refuse; the machine's administrator can.
 */

/** A chain of the forward hook that drops by default; `family` is "iptables" for one of the older kernel interface. */
export interface ForeignWall {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
}

/** How the host's ends of all sandboxes' links begin, as the launcher names them. */
const LINKS = 'lmbd';

/** What is in the way, and the commands that let functions through. */
export function foreignWallRemedy(wall: ForeignWall): {
  readonly reason: string;
  readonly commands: readonly string[];
} {
  const { family, table, chain } = wall;
  const reason = `the firewall of this machine (${family} ${table} ${chain}) forwards nothing for functions`;
  if (table === 'firewalld')
    return {
      reason,
      commands: [
        `sudo firewall-cmd --permanent --zone=trusted --add-interface=${LINKS}+`,
        'sudo firewall-cmd --reload',
      ],
    };
  if (family === 'iptables' || (family === 'ip' && table === 'filter' && chain === 'FORWARD')) {
    const iptables = family === 'iptables' ? 'iptables-legacy' : 'iptables';
    return {
      reason,
      commands: [
        `sudo ${iptables} -I FORWARD -i ${LINKS}+ -j ACCEPT`,
        `sudo ${iptables} -I FORWARD -o ${LINKS}+ -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`,
      ],
    };
  }
  const insert = `sudo nft insert rule ${family} ${table} ${chain}`;
  return {
    reason,
    commands: [
      `${insert} iifname '"${LINKS}*"' accept`,
      `${insert} oifname '"${LINKS}*"' ct state established,related accept`,
    ],
  };
}
