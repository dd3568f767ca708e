// Shared declarations of lambdad-sandbox. One launcher process, the "outer" one, stands for one sandbox; its only
// child is the sandbox's pid 1, the "init", which starts and watches the function's processes.

#ifndef LAMBDAD_LAUNCHER_H
#define LAMBDAD_LAUNCHER_H

#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Raised whenever the messages in either direction change their meaning.
#define PROTOCOL_VERSION 2

#define FRAME_BYTES_MAX (1u << 20)
#define ENTRIES_MAX 512
#define PATH_DEPTH_MAX 64
#define PROCESSES_MAX 64
#define ID_BYTES_MAX 64
#define ARGS_MAX 1024
#define ENV_MAX 4096
#define REAPS_PER_TURN_MAX 256
#define LISTEN_BACKLOG 64
#define DENIED_MAX 256
#define FORWARDS_MAX 64
#define ROOT_BYTES_MAX "4194304"
#define ROOT_INODES_MAX "8192"

// Descriptors with a fixed meaning. The server opens 20, 22, 24 and 28 through /proc/<outer pid>/fd.
enum {
  FD_COMMANDS = 0,
  FD_REPLIES = 3,
  FD_STDOUT_READ = 20,
  FD_STDOUT_WRITE = 21,
  FD_STDERR_READ = 22,
  FD_STDERR_WRITE = 23,
  FD_LOG_READ = 24,
  FD_LOG_WRITE = 25,
  FD_LIFELINE_READ = 26,
  FD_LIFELINE_WRITE = 27,
  FD_EXTENSION_READ = 28,
  FD_EXTENSION_WRITE = 29,
  FD_RULESET = 30,
  FD_MESSAGE = 31,
  FD_OWN_PROGRAM = 32,
  FD_MOUNTS_OUTER = 33,
  FD_MOUNTS_INIT = 34,
  FD_FIXED_LAST = 34,
};

// One instruction for the new root, carried out in the order of the setup message.
enum entry_kind { ENTRY_BIND, ENTRY_SYMLINK, ENTRY_DIR, ENTRY_FILE, ENTRY_TMP, ENTRY_SCRATCH, ENTRY_GATE };

struct entry {
  enum entry_kind kind;
  const char *path;      // inside the new root
  const char *source;    // bind: host path; symlink: target; file: content; tmp: bytes
  const char *mode;      // bind: "ro", "rw", "ro?", "owner", "late"; file: octal permissions; tmp: inodes
  int translation;       // bind "owner": user namespace that maps the source's owner to the function; -1 for none
  dev_t device;          // bind "owner": which directory the source was when it was looked at
  ino_t inode;
};

struct setup {
  const char *root;
  const char *hostname;
  bool user_namespace;   // whether this process lacks the privileges to do without one
  bool network_host;
  bool shares_directory; // with somebody on the host: there is a bind "owner"
  long uid, gid;         // seen inside a user namespace
  long host_uid, host_gid;
  long nofile, nproc;    // nproc is -1 when not given
  long listen_port;      // -1 when none is wanted, 0 for any free one
  const char *bubblewrap; // path of the program that makes namespaces and root in our place, or NULL
  const char *gate;      // FIFO at which a process waits for its function, or NULL
  const char *scratch;   // template of the disk for /tmp, NULL when it is a tmpfs or there is none
  unsigned listen_address;
  long datagram_port;    // the same for the socket of datagrams
  const char *helper;    // path of the program that an ordinary user's way out goes through, or NULL
  bool helper_is_pasta;
  const char *denied[DENIED_MAX]; // addresses of the host, closed to what goes through the helper
  int denied_count;
  long forwards[FORWARDS_MAX];    // ports inside that the server listens at besides
  int forward_count;
  struct entry entries[ENTRIES_MAX];
  int entry_count;
  pid_t outer_pid;
};

// omit.c: walls that a test leaves away.
enum wall {
  WALL_SECCOMP,
  WALL_LANDLOCK,
  WALL_CAPABILITIES,
  WALL_NO_NEW_PRIVS,
  WALL_PID,
  WALL_NET,
  WALL_IPC,
  WALL_UTS,
  WALL_CGROUP_NAMESPACE,
  WALL_PROC_MASKS,
  WALL_PROC_READONLY,
  WALL_READONLY,
  WALL_USER,
  WALL_RLIMITS,
  WALL_NOSUID,
  WALL_NODEV,
  WALL_KEYRING,
  WALL_DUMPABLE,
  WALL_DEVICES,
  WALL_COUNT,
};
bool omit_wall(const char *name);
bool stands(enum wall wall);

// report.c: JSON lines to the server.
extern int report_fd;
extern const char *report_text_key;
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report_problem(const char *step, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
// Reports errno under the name of a step, and exits 1.
_Noreturn void fail(const char *step, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The same for what the server said wrongly: errno is EINVAL.
_Noreturn void refuse(const char *step, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Escapes for a JSON string.
void escape_text(const char *text, char *out, size_t room);
void send_all(const char *bytes, size_t length, int passed_fd);

// frame.c: messages from the server.
enum frame_state { FRAME_PARTIAL, FRAME_READY, FRAME_END, FRAME_BAD };
struct frame {
  unsigned char header[4];
  size_t received;       // header included
  size_t length;         // of the body; known once the header is complete
  size_t cursor;         // of next_string
  char body[FRAME_BYTES_MAX];
} __attribute__((aligned(4096)));
extern struct frame frame;
enum frame_state receive_frame(int flags);
void release_frame(void);
const char *next_string(void);
// Parses a whole decimal number between the bounds; false when it is anything else.
bool parse_number(const char *text, long lowest, long highest, long *number);

// setup.c
void parse_setup(struct setup *setup);

// outer.c
int run_sandbox(char **arguments);
// The kernel ends this process with the one that spawned it.
void follow_server(void);
void stay_in_memory(void);

// nursery.c
int keep_nursery(void);

// owner.c
void look_at_shared(struct setup *setup);
int open_shared(const struct entry *entry);

// bubblewrap.c
_Noreturn void run_bubblewrap(const struct setup *setup);
int run_inside(const char *outer_pid);

// probe.c
int probe(const char *scratch_template);

// namespaces.c
pid_t clone_into(int flags);
int namespace_flags(const struct setup *setup);
int write_identity_maps(long uid, long gid, uid_t own_uid, gid_t own_gid);

// init.c: everything that pid 1 does before it answers "ready". Returns only to go on with supervise().
void build_sandbox(const struct setup *setup, uid_t own_uid, gid_t own_gid);
_Noreturn void run_init(const struct setup *setup, uid_t own_uid, gid_t own_gid);

// root.c and system-mounts.c
void build_root(const struct setup *setup);
extern const char *const hidden_in_proc[];
void mount_proc(int root);
void mount_devices(int root);

// mounts.c: primitives on descriptors, so that no path is resolved outside of the new root.
int new_filesystem(const char *type, const char *const options[], unsigned long long attributes);
int clone_tree(int at, const char *path, bool recursive);
int restrict_tree(int tree, unsigned long long attributes, bool recursive);
int translate_tree(int tree, int user_namespace);
int attach(int tree, int target);
int make_all_private(void);
int restrict_path(const char *path, unsigned long long attributes);
int enter_root(int root);

// scratch.c
int prepare_scratch(const char *template);
int scratch_tree(void);

// paths.c: lookups that cannot leave the new root, whatever links lie in it.
int open_in_root(int root, const char *path, int flags);
int ensure_directory(int root, const char *path);
int ensure_file(int root, const char *path);
int open_parent(int root, const char *path, const char **name);
int open_without_links(const char *path);

// network.c
int raise_loopback(void);
int open_listener(unsigned address, long port, long *bound_port);
int open_connection(long port);

// datagrams.c
void hand_over_datagrams(const struct setup *setup);

// identity.c
#define ACCOUNT_BYTES_MAX 256
void account_texts(long uid, long gid, char passwd[ACCOUNT_BYTES_MAX], char group[ACCOUNT_BYTES_MAX]);
void write_accounts(int root, long uid, long gid);
int become(bool user_namespace, long uid, long gid);
int drop_bounding_set(void);
int keep_capabilities(unsigned long long mask);
bool has_capabilities(unsigned long long mask);
extern const unsigned long long capabilities_of_launcher;
extern const unsigned long long capabilities_of_init;

// seccomp.c
int install_filter(void);

// set-id.c
int install_set_id_filter(void);

// landlock.c
int landlock_version(void);
int prepare_confinement(const struct setup *setup);
int confine(void);

// signals.c
const char *signal_name(int number);
int signal_number(const char *name);
void ignore_signals(void);
int reset_signals(void);

// process.c
pid_t start_process(const struct setup *setup, const char *id);

// assign.c: a process that waits for its function.
void make_gate(int root, const char *path);
void open_mount_channel(const struct setup *setup);
void hold_namespaces(const struct setup *setup, pid_t init);
void await_outer(const struct setup *setup);
void serve_mounts(const struct setup *setup);
int flags_of_waiting(const char *cwd);
void mount_beforehand(void);
void assign(const char *id);

// supervise.c
bool is_id(const char *id);
void drain_replies(void);
_Noreturn void supervise(const struct setup *setup);

#endif
