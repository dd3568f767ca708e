import type { NetworkLack } from './network-helper.ts';

/** What the launcher said when it could not make the rules: the step, and the kernel's error number. */
export interface NatFailure {
  readonly message: string;
  readonly step: string;
  readonly errno: number;
}

const EPERM = 1;
const ENOENT = 2;
const EACCES = 13;
const EROFS = 30;
const EOPNOTSUPP = 95;
const EAFNOSUPPORT = 97;
const EPROTONOSUPPORT = 93;
const MODULES = 'nf_tables nft_ct nft_masq nft_fib_inet nft_reject_inet nft_connlimit nf_nat veth';

/** Why root has no address translation for functions here, and what an administrator can do. */
export function natRemedy({ message, step, errno }: NatFailure): NetworkLack {
  const reason = `no address translation here: ${message} (${step})`;
  if (step === 'forwarding' && [EROFS, EACCES, EPERM].includes(errno))
    return {
      reason,
      commands: ['docker run --sysctl net.ipv4.ip_forward=1 …   # or sysctl -w net.ipv4.ip_forward=1 outside'],
    };
  if (errno === EPERM || errno === EACCES) return { reason, commands: ['docker run --cap-add NET_ADMIN …'] };
  if ([ENOENT, EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT].includes(errno))
    return { reason, commands: [`sudo modprobe -a ${MODULES}`] };
  return { reason, commands: [] };
}
