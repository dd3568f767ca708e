#!/bin/sh
# The bootstrap of the managed .NET runtimes: `bootstrap.sh DOTNET HANDLER`. Exit codes 103 to 107 are its own faults.
#
# HANDLER names an executable assembly, which brings its runtime client along, or ASSEMBLY::TYPE::METHOD, which host/
# loads by way of Amazon.Lambda.RuntimeSupport.

dotnet=$1
handler=$2
task=$LAMBDA_TASK_ROOT
host=$LAMBDA_RUNTIME_DIR/lib/host.dll

fail() {
  echo "Error: $2" >&2
  exit "$1"
}

[ -n "$handler" ] || fail 103 'no handler is given.'

# The one file with this ending: FILE is set to the assembly's own, or to the only one that there is.
find_file() {
  file=$task/$1$2
  [ -f "$file" ] && return
  set -- "$task"/*"$2"
  [ "$#" -eq 1 ] && [ -f "$1" ] && file=$1
}

case $handler in
*::*)
  assembly=${LAMBDA_DOTNET_MAIN_ASSEMBLY:-${handler%%::*}}
  assembly=${assembly%.dll}
  find_file "$assembly" .deps.json || fail 105 "the package has no $assembly.deps.json; publish the function for Lambda."
  deps=$file
  find_file "$assembly" .runtimeconfig.json ||
    fail 106 "the package has no $assembly.runtimeconfig.json; publish the function for Lambda (GenerateRuntimeConfigurationFiles)."
  config=$file
  [ -f "$host" ] || fail 107 "handlers of the form ASSEMBLY::TYPE::METHOD need the .NET SDK on the machine, with which \
their host is built once; after its installation run: lambdad runtimes rm $LAMBDA_RUNTIME_NAME. Without it give the function \
an executable assembly."
  # The lowest newer major version stands in for one that is not there: --nearest-runtime has decided that.
  exec "$dotnet" exec --roll-forward Major --depsfile "$deps" --runtimeconfig "$config" "$host" "$handler"
  ;;
*)
  program=$task/${handler%.dll}
  [ -f "$program.dll" ] && exec "$dotnet" exec --roll-forward Major "$program.dll"
  [ -f "$program" ] && exec "$program"
  fail 104 "there is neither an executable assembly $program.dll nor a program $program."
  ;;
esac
