/** A command of an AWS client, as far as headers go. */
interface Traceable {
  readonly middlewareStack: { add(middleware: never, options: { readonly step: 'build' }): void };
}

type Next = (args: unknown) => Promise<{ readonly response: { readonly headers: Readonly<Record<string, string>> } }>;

interface Built {
  readonly request: { readonly headers: Record<string, string> };
}

/** Lets a command go with a trace header; the function that comes back gives the one that its answer came with. */
export function withTrace(command: Traceable, trace: string | undefined): () => string {
  let told: string | undefined;
  const middleware = (next: Next) => async (args: Built) => {
    if (trace !== undefined) args.request.headers['X-Amzn-Trace-Id'] = trace;
    const result = await next(args);
    told = result.response.headers['x-amzn-trace-id'];
    return result;
  };
  command.middlewareStack.add(middleware as never, { step: 'build' });
  return () => told ?? '';
}
