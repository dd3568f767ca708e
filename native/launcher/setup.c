// The first message: what the sandbox shall be. Strings are kept where they lie in the message.

#include "network.h"
#include <netinet/in.h>
#include <string.h>

#define UID_HIGHEST 4294967293L
#define NUMBER_HIGHEST (1L << 62)

static const char *value_of(const char *key) {
  const char *value = next_string();
  if (value == NULL) refuse("setup", "the value of %s is missing", key);
  return value;
}

static long number_of(const char *key, long lowest, long highest) {
  const char *text = value_of(key);
  long number;
  if (!parse_number(text, lowest, highest, &number)) refuse("setup", "%s is no valid %s", text, key);
  return number;
}

static const char *path_of(const char *key) {
  const char *path = value_of(key);
  if (path[0] != '/') refuse("setup", "%s needs an absolute path, not %s", key, path);
  return path;
}

static const char *one_of(const char *key, const char *const choices[]) {
  const char *value = value_of(key);
  for (int i = 0; choices[i] != NULL; i++) {
    if (strcmp(value, choices[i]) == 0) return value;
  }
  refuse("setup", "%s is no valid %s", value, key);
}

static void check_octal(const char *text) {
  size_t length = strlen(text);
  if (length < 3 || length > 4 || strspn(text, "01234567") != length) refuse("setup", "%s is no file mode", text);
}

// Values stand in the order in which the protocol names them, which is not always the order of the members.
static void add_entry(struct setup *setup, const char *key, enum entry_kind kind) {
  static const char *const bind_modes[] = {"ro", "rw", "ro?", "owner", "late", NULL};
  if (setup->entry_count == ENTRIES_MAX) refuse("setup", "more than %d entries for the root", ENTRIES_MAX);
  struct entry *entry = &setup->entries[setup->entry_count++];
  entry->kind = kind;
  entry->translation = -1;
  switch (kind) {
    case ENTRY_BIND:
      entry->source = path_of(key);
      entry->path = path_of(key);
      entry->mode = one_of("bind mode", bind_modes);
      if (strcmp(entry->mode, "owner") == 0) setup->shares_directory = true;
      break;
    case ENTRY_SYMLINK:
      entry->source = value_of(key);
      entry->path = path_of(key);
      break;
    case ENTRY_DIR:
      entry->path = path_of(key);
      break;
    case ENTRY_FILE:
      entry->path = path_of(key);
      entry->mode = value_of(key);
      check_octal(entry->mode);
      entry->source = value_of(key);
      break;
    case ENTRY_TMP: {
      long number;
      entry->path = "/tmp";
      entry->source = value_of(key);
      entry->mode = value_of(key);
      if (!parse_number(entry->source, 4096, NUMBER_HIGHEST, &number)) refuse("setup", "tmp needs its size in bytes");
      if (!parse_number(entry->mode, 2, NUMBER_HIGHEST, &number)) refuse("setup", "tmp needs its number of inodes");
      break;
    }
    case ENTRY_SCRATCH:
      entry->path = "/tmp";
      entry->source = setup->scratch = path_of(key);
      break;
    case ENTRY_GATE:
      if (setup->gate != NULL) refuse("setup", "more than one gate");
      entry->path = setup->gate = path_of(key);
      break;
  }
}

static bool parse_entry(struct setup *setup, const char *key) {
  static const struct {
    const char *key;
    enum entry_kind kind;
  } kinds[] = {
      {"bind", ENTRY_BIND}, {"symlink", ENTRY_SYMLINK}, {"dir", ENTRY_DIR}, {"file", ENTRY_FILE},
      {"tmp", ENTRY_TMP},   {"scratch", ENTRY_SCRATCH}, {"gate", ENTRY_GATE},
  };
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (strcmp(key, kinds[i].key) == 0) {
      add_entry(setup, key, kinds[i].kind);
      return true;
    }
  }
  return false;
}

static void omit(const char *key) {
  const char *name = value_of(key);
  if (!omit_wall(name)) refuse("setup", "%s is no wall", name);
}

static void set_helper(struct setup *setup, const char *key) {
  static const char *const kinds[] = {"pasta", "slirp4netns", NULL};
  setup->helper_is_pasta = strcmp(one_of(key, kinds), "pasta") == 0;
  setup->helper = path_of(key);
}

static void add_denied(struct setup *setup, const char *key) {
  if (setup->denied_count == DENIED_MAX) refuse("setup", "more than %d denied addresses", DENIED_MAX);
  setup->denied[setup->denied_count++] = value_of(key);
}

static void add_forward(struct setup *setup, const char *key) {
  if (setup->forward_count == FORWARDS_MAX) refuse("setup", "more than %d forwarded ports", FORWARDS_MAX);
  setup->forwards[setup->forward_count++] = number_of(key, 1, 65535);
}

static bool parse_network_key(struct setup *setup, const char *key) {
  static const char *const networks[] = {"none", "host", NULL};
  if (strcmp(key, "network") == 0) setup->network_host = strcmp(one_of(key, networks), "host") == 0;
  else if (strcmp(key, "listen") == 0) setup->listen_port = number_of(key, 0, 65535);
  else if (strcmp(key, "datagrams") == 0) setup->datagram_port = number_of(key, 0, 65535);
  else if (strcmp(key, "helper") == 0) set_helper(setup, key);
  else if (strcmp(key, "deny") == 0) add_denied(setup, key);
  else if (strcmp(key, "forward") == 0) add_forward(setup, key);
  else if (strcmp(key, "address") == 0) {
    if (!parse_address(value_of(key), &setup->listen_address)) refuse("setup", "no valid %s", key);
  } else return false;
  return true;
}

static void parse_key(struct setup *setup, const char *key) {
  if (parse_entry(setup, key) || parse_network_key(setup, key)) return;
  if (strcmp(key, "root") == 0) setup->root = path_of(key);
  else if (strcmp(key, "bubblewrap") == 0) setup->bubblewrap = path_of(key);
  else if (strcmp(key, "hostname") == 0) setup->hostname = value_of(key);
  else if (strcmp(key, "omit") == 0) omit(key);
  else if (strcmp(key, "uid") == 0) setup->uid = number_of(key, 1, UID_HIGHEST);
  else if (strcmp(key, "gid") == 0) setup->gid = number_of(key, 1, UID_HIGHEST);
  else if (strcmp(key, "hostuid") == 0) setup->host_uid = number_of(key, 1, UID_HIGHEST);
  else if (strcmp(key, "hostgid") == 0) setup->host_gid = number_of(key, 1, UID_HIGHEST);
  else if (strcmp(key, "nofile") == 0) setup->nofile = number_of(key, 16, 1 << 30);
  else if (strcmp(key, "nproc") == 0) setup->nproc = number_of(key, 1, 1 << 30);
  else refuse("setup", "the key %s is unknown", key);
}

// Fills `setup` from the received message; defaults are those of AWS's environments. Refuses what is malformed.
void parse_setup(struct setup *setup) {
  setup->uid = 993;
  setup->gid = 990;
  setup->host_uid = -1;
  setup->host_gid = -1;
  setup->nofile = 1024;
  setup->nproc = -1;
  setup->listen_port = -1;
  setup->datagram_port = -1;
  setup->listen_address = INADDR_LOOPBACK;
  for (;;) {
    const char *key = next_string();
    if (key == NULL) refuse("setup", "the message has no end");
    if (strcmp(key, "end") == 0) break;
    parse_key(setup, key);
  }
  if (next_string() != NULL) refuse("setup", "the message goes on after its end");
  if (setup->root == NULL) refuse("setup", "the message names no root");
  setup->user_namespace = !has_capabilities(capabilities_of_launcher);
  if (setup->host_uid < 0) setup->host_uid = setup->uid;
  if (setup->host_gid < 0) setup->host_gid = setup->gid;
}
