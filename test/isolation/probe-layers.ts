/**
 * Which walls stand before each probe: with exactly these taken away it must get through, which proves that it tests them.
 * Names are those of the launcher's `omit`, `bind` the host paths that a sandbox without a root of its own would show.
 */
export interface Walls {
  readonly omit?: readonly string[];
  /** Host path → path inside, read-only. */
  readonly bind?: (world: ProbeWorld) => readonly (readonly [string, string])[];
  /** What lies at /tmp instead of a file system of its own. */
  readonly tmp?: (world: ProbeWorld) => string;
}

/** Where the things stand that no probe may reach; what the probes get as their event. */
export interface ProbeWorld {
  readonly secretFile: string;
  readonly dataFile: string;
  readonly otherCode: string;
  /** A file in the /tmp of another function, and where that lies when there is no /tmp of one's own. */
  readonly tmpMark: string;
  readonly sharedTmp: string;
  readonly setuidProgram: string;
  readonly device: string;
  readonly pid: number;
  readonly processMark: string;
  readonly port: number;
  readonly lanAddress: string;
  readonly lanAddress6: string;
  readonly abstractName: string;
  readonly shmKey: number;
  readonly queueName: string;
  readonly keyName: string;
  readonly python: string;
}

/** Root's own rights; Landlock stands behind them, and would stop what they allow. */
const root = ['user', 'capabilities', 'landlock'];
const privileged = [...root, 'seccomp'];
const net: Walls = { omit: ['net'] };
const shows = (of: (world: ProbeWorld) => string): Walls => ({ bind: (world) => [[of(world), of(world)]] });

export const probeWalls: Readonly<Record<string, Walls>> = {
  host_file: shows(({ secretFile }) => secretFile),
  host_file_by_climbing: shows(({ secretFile }) => secretFile),
  host_file_through_pid_1: { ...shows(({ secretFile }) => secretFile), omit: [...root, 'dumpable'] },
  host_file_through_cwd_of_pid_1: { ...shows(({ secretFile }) => secretFile), omit: [...root, 'dumpable'] },
  data_folder_key: { ...shows(({ dataFile }) => dataFile), omit: root },
  other_functions_code: { ...shows(({ otherCode }) => otherCode), omit: root },
  other_functions_tmp: { tmp: ({ sharedTmp }) => sharedTmp },
  write_code: { omit: [...root, 'readonly'] },
  write_system: { omit: [...root, 'readonly'] },
  write_root: { omit: [...root, 'readonly'] },
  by_handle: { omit: privileged },
  device: { omit: [...root, 'devices', 'nodev'] },
  make_device: { omit: [...privileged, 'nodev'] },
  set_uid: { omit: ['nosuid', 'no-new-privs', 'capabilities', 'seccomp'] },
  see_process: { omit: ['pid'] },
  process_environment: { omit: ['pid', ...root] },
  kill_process: { omit: ['pid', ...root] },
  pid_1_memory: { omit: [...root, 'dumpable'] },
  pid_1_environment: { omit: [...root, 'dumpable'] },
  pid_1_descriptors: { omit: [...root, 'dumpable'] },
  trace_pid_1: { omit: [...privileged, 'dumpable'] },
  trace_peer: { omit: ['seccomp'] },
  read_peer_memory: { omit: ['seccomp'] },
  take_descriptor: { omit: ['seccomp'] },
  compare_processes: { omit: [...privileged, 'dumpable'] },
  mount: { omit: privileged },
  mount_by_descriptor: { omit: privileged },
  copy_mounts: { omit: privileged },
  new_user_namespace: { omit: ['seccomp'] },
  new_network: { omit: privileged },
  new_namespace_by_clone3: { omit: ['seccomp'] },
  enter_namespace: { omit: privileged },
  change_root: { omit: privileged },
  bpf: { omit: privileged },
  add_key: { omit: ['seccomp'] },
  inherited_key: { omit: ['seccomp', 'keyring', 'user'] },
  perf_events: { omit: privileged },
  io_uring: { omit: ['seccomp'] },
  userfaultfd: { omit: ['seccomp'] },
  kernel_log: { omit: privileged },
  host_name: { omit: privileged },
  personality: { omit: ['seccomp'] },
  accounting: { omit: privileged },
  kernel_setting: { omit: [...root, 'proc-readonly'] },
  timers_of_all: { omit: [...root, 'proc-masks'] },
  system_tree: { bind: () => [['/sys', '/sys']] },
  control_groups: { bind: () => [['/sys', '/sys']] },
  core_dumps: { omit: ['rlimits'] },
  more_descriptors: { omit: ['rlimits'] },
  higher_priority: { omit: root },
  raw_socket: { omit: privileged },
  packet_socket: { omit: privileged },
  netlink_of_the_firewall: { omit: ['seccomp'] },
  abstract_socket: net,
  shared_memory: { omit: ['ipc'] },
  message_queue: { omit: ['ipc', 'landlock'] },
  datagram_to_the_host: net,
  reach_loopback: net,
  reach_loopback_elsewhere: net,
  reach_any_address: net,
  reach_loopback_in_decimal: net,
  reach_loopback_in_octal: net,
  reach_loopback_in_hexadecimal: net,
  reach_loopback_v6: net,
  reach_any_address_v6: net,
  reach_loopback_mapped_into_v6: net,
  reach_lan_address: net,
  reach_lan_address_v6: net,
  reach_lan_address_mapped_into_v6: net,
  reach_metadata: net,
  reach_metadata_of_tasks: net,
  reach_metadata_v6: net,
};
