// lambdad-sandbox: runs one AWS Lambda execution environment for the server that spawns it. See native/README.md.

#include "network.h"
#include <stdio.h>
#include <string.h>

int main(int count, char **args) {
  if ((count == 2 || count == 3) && strcmp(args[1], "probe") == 0) return probe(args[2]);
  if (count >= 2 && strcmp(args[1], "run") == 0) return run_sandbox(args + 2);
  if (count == 2 && strcmp(args[1], "nursery") == 0) return keep_nursery();
  if (count == 3 && strcmp(args[1], "inside") == 0) return run_inside(args[2]);
  if (count >= 3 && strcmp(args[1], "network") == 0 && strcmp(args[2], "up") == 0) return hold_network(args + 3);
  if (count == 3 && strcmp(args[1], "network") == 0 && strcmp(args[2], "probe") == 0) return probe_network();
  fprintf(stderr, "usage: lambdad-sandbox probe [TEMPLATE] | run [--scratch TEMPLATE] [NETWORK] [CGROUP...] | nursery | network up|probe\n"
                  "It is started by lambdad and is of no use by hand.\n");
  return 2;
}
