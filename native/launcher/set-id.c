// A second filter for sandboxes that share a directory with the host: what a function writes there belongs to somebody on
// the host, who must not find programs that run as themselves for whoever starts them. So nothing inside makes a file
// set-user-ID or set-group-ID. The mount's nosuid does not help, because it holds inside alone.

#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define INSTRUCTIONS_MAX 64
#define OFFSET_NUMBER 0
// The low half of an argument; both architectures are little endian. The architecture is the first filter's business.
#define OFFSET_ARGUMENT(n) (16 + 8 * (n))
#define SET_ID (S_ISUID | S_ISGID)
#define CREATES (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define UNLESS_EQUAL_SKIP(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)
#define UNLESS_ANY_BIT_SKIP(value, count) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, value, 0, count)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define DENY(error) RETURN(SECCOMP_RET_ERRNO | (error))
#define ALLOW RETURN(SECCOMP_RET_ALLOW)

// A call whose argument `n` is the mode.
#define WITH_MODE(number, n) \
  UNLESS_EQUAL_SKIP(number, 4), LOAD(OFFSET_ARGUMENT(n)), UNLESS_ANY_BIT_SKIP(SET_ID, 1), DENY(EPERM), ALLOW
// A call whose argument `n` is the mode when its flags, the one before, make a file.
#define WITH_FLAGS(number, n)                                                                                          \
  UNLESS_EQUAL_SKIP(number, 6), LOAD(OFFSET_ARGUMENT((n) - 1)), UNLESS_ANY_BIT_SKIP(CREATES, 3),                       \
      LOAD(OFFSET_ARGUMENT(n)), UNLESS_ANY_BIT_SKIP(SET_ID, 1), DENY(EPERM), ALLOW

static struct sock_filter code[] = {
    LOAD(OFFSET_NUMBER),
    WITH_MODE(SYS_fchmod, 1),
    WITH_MODE(SYS_fchmodat, 2),
    WITH_MODE(SYS_fchmodat2, 2),
    WITH_MODE(SYS_mknodat, 2),
    WITH_FLAGS(SYS_openat, 3),
#if defined(__x86_64__)
    WITH_MODE(SYS_chmod, 1),
    WITH_MODE(SYS_creat, 1),
    WITH_MODE(SYS_mknod, 1),
    WITH_FLAGS(SYS_open, 2),
#endif
    // Its mode lies in memory, where a filter cannot look: callers do without it, as on an older kernel.
    UNLESS_EQUAL_SKIP(SYS_openat2, 1), DENY(ENOSYS),
    ALLOW,
};
_Static_assert(sizeof code / sizeof code[0] <= INSTRUCTIONS_MAX, "a longer filter than was thought of");

// Binds this process and all that come from it; after install_filter, which allows it.
int install_set_id_filter(void) {
  struct sock_fprog filter = {.len = sizeof code / sizeof code[0], .filter = code};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}
