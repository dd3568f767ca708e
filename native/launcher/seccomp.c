// The system call filter. Everything is allowed but what is named here: code that runs on AWS must run here, and a
// filter is the second wall behind namespaces and the lack of capabilities. Calls that one does not answer with ENOSYS
// answer EPERM, as they do for a process without privileges.

#include "launcher.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define INSTRUCTIONS_MAX 256
#define OFFSET_NUMBER 0
#define OFFSET_ARCH 4
// The low half of an argument; both architectures are little endian.
#define OFFSET_ARGUMENT(n) (16 + 8 * (n))

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "no filter is written for this architecture"
#endif

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

#define X32_BIT 0x40000000u
// A call that is newer than these rules answers ENOSYS, as on an older kernel: it may be another way to mount, as the
// next one, open_tree_attr, is.
#define NEWEST_KNOWN 466
#define ALL_NEW_NAMESPACES                                                                                     \
  (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define NETLINK_ROUTE_PROTOCOL 0
#define ANY_PROTOCOL 0
#define SOCKET_TYPE_MASK 0xf

#define ALLOW SECCOMP_RET_ALLOW
#define DENY(error) (SECCOMP_RET_ERRNO | (error))

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define IF_EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define IF_ABOVE(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value, yes, no)
#define IF_ANY_BIT(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, value, yes, no)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)

struct program {
  struct sock_filter code[INSTRUCTIONS_MAX];
  unsigned short length;
  bool overflow;
};

static void emit(struct program *program, struct sock_filter instruction) {
  if (program->length == INSTRUCTIONS_MAX) program->overflow = true;
  else program->code[program->length++] = instruction;
}

// A block decides alone: every way through it ends in a RETURN, so that the number need not be loaded again.
static void for_call(struct program *program, long number, const struct sock_filter block[], size_t count) {
  emit(program, (struct sock_filter)IF_EQUAL((unsigned)number, 0, (unsigned char)count));
  for (size_t i = 0; i < count; i++) emit(program, block[i]);
}
#define FOR_CALL(program, number, ...)                                             \
  do {                                                                             \
    const struct sock_filter block[] = {__VA_ARGS__};                              \
    for_call(program, number, block, sizeof block / sizeof block[0]);              \
  } while (0)

static const unsigned short missing[] = {SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_clone3};

static const unsigned short forbidden[] = {
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_move_mount, SYS_open_tree, SYS_mount_setattr, SYS_fsopen,
    SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_chroot, SYS_unshare, SYS_setns,
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key,
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd, SYS_kcmp,
    SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_fanotify_init,
    SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_reboot,
    SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, SYS_quotactl_fd, SYS_syslog, SYS_vhangup, SYS_lookup_dcookie,
    SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname,
#if defined(__x86_64__)
    SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat, SYS_sysfs, SYS__sysctl,
    SYS_create_module, SYS_get_kernel_syms, SYS_query_module, SYS_nfsservctl,
#else
    SYS_nfsservctl,
#endif
};

// In a user namespace pid 1 has the function's own uid, which would allow these on it.
static const unsigned short not_on_init[] = {SYS_prlimit64,         SYS_sched_setaffinity, SYS_sched_setscheduler,
                                             SYS_sched_setparam,    SYS_sched_setattr};

static void check_architecture(struct program *program) {
  emit(program, (struct sock_filter)LOAD(OFFSET_ARCH));
  emit(program, (struct sock_filter)IF_EQUAL(ARCH, 1, 0));
  emit(program, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
  emit(program, (struct sock_filter)LOAD(OFFSET_NUMBER));
#if defined(__x86_64__)
  emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
  emit(program, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
#endif
  emit(program, (struct sock_filter)IF_ABOVE(NEWEST_KNOWN, 0, 1));
  emit(program, (struct sock_filter)RETURN(DENY(ENOSYS)));
}

static void check_arguments(struct program *program) {
  FOR_CALL(program, SYS_clone,
           LOAD(OFFSET_ARGUMENT(0)), IF_ANY_BIT(ALL_NEW_NAMESPACES, 0, 1), RETURN(DENY(EPERM)), RETURN(ALLOW));
  FOR_CALL(program, SYS_personality,
           LOAD(OFFSET_ARGUMENT(0)), IF_EQUAL(0, 1, 0), IF_EQUAL(0xffffffffu, 0, 1), RETURN(ALLOW),
           RETURN(DENY(EPERM)));
  FOR_CALL(program, SYS_ioctl,
           LOAD(OFFSET_ARGUMENT(1)), IF_EQUAL(TIOCSTI, 1, 0), IF_EQUAL(TIOCLINUX, 0, 1), RETURN(DENY(EPERM)),
           RETURN(ALLOW));
  // Of the Internet families only TCP and UDP: raw sockets see more than one's own, and the rarer kinds would make the
  // host load kernel modules. Netlink sockets are raw ones by custom; getifaddrs() reads routes through them.
  FOR_CALL(program, SYS_socket,
           LOAD(OFFSET_ARGUMENT(0)), IF_EQUAL(AF_UNIX, 15, 0), IF_EQUAL(AF_NETLINK, 12, 0), IF_EQUAL(AF_INET, 1, 0),
           IF_EQUAL(AF_INET6, 0, 14),
           LOAD(OFFSET_ARGUMENT(1)), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SOCKET_TYPE_MASK),
           IF_EQUAL(SOCK_STREAM, 1, 0), IF_EQUAL(SOCK_DGRAM, 3, 9),
           LOAD(OFFSET_ARGUMENT(2)), IF_EQUAL(ANY_PROTOCOL, 6, 0), IF_EQUAL(IPPROTO_TCP, 5, 8),
           LOAD(OFFSET_ARGUMENT(2)), IF_EQUAL(ANY_PROTOCOL, 3, 0), IF_EQUAL(IPPROTO_UDP, 2, 5),
           LOAD(OFFSET_ARGUMENT(2)), IF_EQUAL(NETLINK_ROUTE_PROTOCOL, 0, 1),
           RETURN(ALLOW), RETURN(DENY(EPERM)), RETURN(DENY(EAFNOSUPPORT)), RETURN(DENY(EPROTONOSUPPORT)));
  for (size_t i = 0; i < sizeof not_on_init / sizeof not_on_init[0]; i++) {
    FOR_CALL(program, not_on_init[i], LOAD(OFFSET_ARGUMENT(0)), IF_EQUAL(1, 0, 1), RETURN(DENY(EPERM)), RETURN(ALLOW));
  }
}

static void deny_each(struct program *program, const unsigned short calls[], size_t count, unsigned action) {
  for (size_t i = 0; i < count; i++) {
    emit(program, (struct sock_filter)IF_EQUAL(calls[i], 0, 1));
    emit(program, (struct sock_filter)RETURN(action));
  }
}

// Binds this process and all that come from it. Needs no_new_privs or CAP_SYS_ADMIN. Returns -1 with errno.
int install_filter(void) {
  static struct program program;
  program.length = 0;
  check_architecture(&program);
  check_arguments(&program);
  deny_each(&program, missing, sizeof missing / sizeof missing[0], DENY(ENOSYS));
  deny_each(&program, forbidden, sizeof forbidden / sizeof forbidden[0], DENY(EPERM));
  emit(&program, (struct sock_filter)RETURN(ALLOW));
  if (program.overflow) {
    errno = E2BIG;
    return -1;
  }
  struct sock_fprog filter = {.len = program.length, .filter = program.code};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}
