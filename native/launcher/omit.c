// Walls that a test leaves away, each by name, to show that it is this one that stops something. The server never does.

#include "launcher.h"
#include <string.h>

static const char *const names[WALL_COUNT] = {
    [WALL_SECCOMP] = "seccomp",
    [WALL_LANDLOCK] = "landlock",
    [WALL_CAPABILITIES] = "capabilities",
    [WALL_NO_NEW_PRIVS] = "no-new-privs",
    [WALL_PID] = "pid",
    [WALL_NET] = "net",
    [WALL_IPC] = "ipc",
    [WALL_UTS] = "uts",
    [WALL_CGROUP_NAMESPACE] = "cgroup-namespace",
    [WALL_PROC_MASKS] = "proc-masks",
    [WALL_PROC_READONLY] = "proc-readonly",
    [WALL_READONLY] = "readonly",
    [WALL_USER] = "user",
    [WALL_RLIMITS] = "rlimits",
    [WALL_NOSUID] = "nosuid",
    [WALL_NODEV] = "nodev",
    [WALL_KEYRING] = "keyring",
    [WALL_DUMPABLE] = "dumpable",
    [WALL_DEVICES] = "devices",
};

static bool omitted[WALL_COUNT];

// False when there is no such wall.
bool omit_wall(const char *name) {
  for (int i = 0; i < WALL_COUNT; i++) {
    if (strcmp(names[i], name) == 0) return omitted[i] = true;
  }
  return false;
}

bool stands(enum wall wall) { return !omitted[wall]; }
