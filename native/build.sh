#!/bin/sh
# Builds the launcher's static binaries for both architectures, byte for byte the same on every machine.
#   native/build.sh           writes native/bin/linux-{x64,arm64}/lambdad-sandbox
#   native/build.sh --check   builds elsewhere and compares; exit 1 when a committed binary differs
# The compiler is one pinned package from PyPI, kept in the cache; Python 3 with pip is all that must be there.
set -eu

native=$(cd "$(dirname "$0")" && pwd)
version=0.13.0
compiler=${LAMBDAD_COMPILER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lambdad}/ziglang-$version
sources='main outer setup frame report namespaces init root mounts owner paths system-mounts network netlink
  network-link network-helper network-rules network-foreign network-holder identity seccomp set-id signals process
  assign supervise nursery probe omit scratch landlock bubblewrap datagrams'

fetch_compiler() {
  [ -e "$compiler/complete" ] && return
  echo "fetching the compiler (ziglang $version, 340 MB unpacked) into $compiler" >&2
  rm -rf "$compiler"
  mkdir -p "$compiler"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes \
    --only-binary=:all: --target "$compiler" -r "$native/compiler.txt"
  touch "$compiler/complete"
}

# compile TARGET OUTPUT, with relative source names so that no path of this machine can enter.
compile() {
  files=
  for name in $sources; do files="$files launcher/$name.c"; done
  mkdir -p "$(dirname "$2")"
  # shellcheck disable=SC2086
  (cd "$native" && SOURCE_DATE_EPOCH=0 PYTHONPATH="$compiler" python3 -m ziglang cc -target "$1" \
    -std=c11 -Os -g0 -s -static -Wall -Wextra -Werror -Wshadow -Wno-missing-field-initializers \
    -fno-ident -fno-asynchronous-unwind-tables -fstack-protector-strong -ffunction-sections -fdata-sections \
    "-ffile-prefix-map=$native=." -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,noexecstack \
    -o "$2" $files)
  chmod 755 "$2"
}

build_all() {
  compile x86_64-linux-musl "$1/linux-x64/lambdad-sandbox"
  compile aarch64-linux-musl "$1/linux-arm64/lambdad-sandbox"
}

case ${1:-} in
  '')
    fetch_compiler
    build_all "$native/bin"
    ls -l "$native"/bin/*/lambdad-sandbox
    ;;
  --check)
    fetch_compiler
    place=$(mktemp -d)
    trap 'rm -rf "$place"' EXIT
    build_all "$place"
    for platform in linux-x64 linux-arm64; do
      cmp "$place/$platform/lambdad-sandbox" "$native/bin/$platform/lambdad-sandbox" || exit 1
    done
    echo "the committed binaries are those of the sources"
    ;;
  *)
    echo "usage: native/build.sh [--check]" >&2
    exit 2
    ;;
esac
