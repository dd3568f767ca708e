/**
 * AWS_LAMBDA_EXEC_WRAPPER: a program of the function's or a layer's that a managed runtime is started through. It gets
 * the language's binary and its arguments, and is expected to end in `exec "$@"`. Source: runtime-facts 3, "Bootstrap
 * lookup"; a shell script decides there too, so that the faults look like any other exit of the runtime.
 */
const EXEC_WRAPPER = 'AWS_LAMBDA_EXEC_WRAPPER';
const SHELL = '/bin/sh';

/** `$1` is the wrapper as the function named it, `$0` where it lies here. */
const SCRIPT = `named=$1; shift
if [ ! -f "$0" ]; then echo "$named: does not exist"; exit 127; fi
if [ ! -x "$0" ]; then echo "$named: is not an executable"; exit 126; fi
exec "$0" "$@"`;

/**
 * The command that starts a managed runtime, through the wrapper that the environment names if any. `show` tells how a
 * path is called inside.
 */
export function throughWrapper(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  show: (path: string) => string,
): readonly string[] {
  const wrapper = environment[EXEC_WRAPPER];
  if (!wrapper) return command;
  return [SHELL, '-c', SCRIPT, show(wrapper), wrapper, ...command];
}
