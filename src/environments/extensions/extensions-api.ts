import { accepted, forbidden, jsonAnswer, methodNotAllowed, notFound } from '../runtime-api/answers.ts';
import type { Connection } from '../runtime-api/connection.ts';
import type { ApiRequest } from '../runtime-api/request-parser.ts';
import type { Extension, ExtensionEvent, ExtensionState } from './extension.ts';
import { EXTENSIONS_MAX, type Extensions } from './extensions.ts';
import { readRegistration } from './registration.ts';

/**
 * The Extensions API (2020-01-01) of one execution environment. Source: runtime-facts 2. What an extension sends wrongly
 * costs it an error answer and nothing else.
 */

/** What registering answers with. */
export interface FunctionIdentity {
  readonly accountId: string;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly handler: string;
}

const PREFIX = '/2020-01-01/extension/';
/** The forms that Go's uuid package reads. */
const UUID = /^(?:urn:uuid:|\{)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?$/i;
const ERROR_TYPE_HEADER = 'Lambda-Extension-Function-Error-Type';

const methods: Readonly<Record<string, 'GET' | 'POST'>> = {
  register: 'POST',
  'event/next': 'GET',
  'init/error': 'POST',
  'exit/error': 'POST',
};

export class ExtensionsApi {
  readonly #extensions: Extensions;
  readonly #identity: FunctionIdentity;
  readonly #changed: () => void;

  /** `changed` is called after every call that may let somebody go on. */
  constructor(extensions: Extensions, identity: FunctionIdentity, changed: () => void) {
    this.#extensions = extensions;
    this.#identity = identity;
    this.#changed = changed;
  }

  static serves(path: string): boolean {
    return path.startsWith(PREFIX);
  }

  request(connection: Connection, request: ApiRequest): void {
    const what = request.path.slice(PREFIX.length);
    const method = Object.hasOwn(methods, what) ? methods[what] : undefined;
    if (method === undefined) connection.answer(notFound);
    else if (request.method !== method) connection.answer(methodNotAllowed);
    else if (what === 'register') connection.answer(this.#register(request));
    else this.#identified(connection, request, what);
    this.#changed();
  }

  #register(request: ApiRequest): Buffer {
    const name = request.headers.get('lambda-extension-name');
    if (!name) return forbidden('Extension.InvalidExtensionName', 'Empty extension name');
    const registration = readRegistration(request.body, request.tooLarge);
    if ('problem' in registration) return forbidden('InvalidRequestFormat', registration.problem);
    const external = this.#extensions.findByName(name);
    const isExternal = external?.isExternal === true;
    for (const event of registration.events) {
      const problem = eventProblem(event, isExternal);
      if (problem !== undefined) return forbidden('Extension.InvalidEventType', `${event}: ${problem}`);
    }
    const extension = isExternal ? external : this.#extensions.addInternal(name);
    if (extension === 'closed')
      return forbidden('Extension.RegistrationClosed', 'Extension registration closed already');
    if (extension === 'number')
      return forbidden('Extension.TooManyExtensions', `Extension limit (${EXTENSIONS_MAX}) reached`);
    if (extension === 'name')
      return forbidden('Extension.InvalidExtensionState', 'Extension with this name already registered');
    if (!extension.enter('Registered')) return invalidTransition(extension.state, 'Registered', name);
    extension.subscribe(registration.events as ExtensionEvent[]);
    const { accountId, ...identity } = this.#identity;
    const features = (request.headers.get('lambda-extension-accept-feature') ?? '').split(',');
    const wantsAccount = features.some((feature) => feature.trim() === 'accountId');
    const body = JSON.stringify(wantsAccount ? { accountId, ...identity } : identity);
    return jsonAnswer('200 OK', `${body}\n`, `Lambda-Extension-Identifier: ${extension.identifier}\r\n`);
  }

  /** The calls that name their extension by its identifier. */
  #identified(connection: Connection, request: ApiRequest, what: string): void {
    const given = request.headers.get('lambda-extension-identifier');
    if (!given) {
      const text = 'Missing Lambda-Extension-Identifier header';
      connection.answer(forbidden('Extension.MissingExtensionIdentifier', text));
      return;
    }
    const identifier = canonicalUuid(given);
    if (identifier === undefined) {
      const text = 'Invalid Lambda-Extension-Identifier';
      connection.answer(forbidden('Extension.InvalidExtensionIdentifier', text));
      return;
    }
    const extension = this.#extensions.find(identifier);
    if (what === 'event/next') this.#next(connection, extension, identifier);
    else connection.answer(this.#error(extension, request, what === 'init/error' ? 'InitError' : 'ExitError'));
  }

  #next(connection: Connection, extension: Extension | undefined, identifier: string): void {
    if (!extension)
      connection.answer(forbidden('Extension.UnknownExtensionIdentifier', `Unknown extension ${identifier}`));
    else if (!extension.enter('Ready')) connection.answer(invalidTransition(extension.state, 'Ready', identifier));
    else extension.await(connection.poll(false));
  }

  #error(extension: Extension | undefined, request: ApiRequest, state: 'InitError' | 'ExitError'): Buffer {
    const errorType = request.headers.get(ERROR_TYPE_HEADER.toLowerCase());
    if (!errorType) return forbidden('Extension.MissingHeader', `${ERROR_TYPE_HEADER} not found`);
    if (!extension) return forbidden('Extension.UnknownExtensionIdentifier', 'Unknown Lambda-Extension-Identifier');
    if (!extension.enter(state, errorType)) {
      // AWS names the state behind ExitError here.
      const target = state === 'ExitError' ? 'Exited' : state;
      return invalidTransition(extension.state, target, extension.identifier);
    }
    this.#extensions.report(`Extension.${state}`);
    return accepted;
  }
}

function eventProblem(event: string, isExternal: boolean): string | undefined {
  if (event === 'INVOKE') return undefined;
  if (event !== 'SHUTDOWN') return 'ErrorInvalidEventType';
  return isExternal ? undefined : 'ShutdownEventNotSupportedForInternalExtension';
}

function invalidTransition(from: ExtensionState, to: ExtensionState, extension: string): Buffer {
  return forbidden(
    'Extension.InvalidExtensionState',
    `State transition from ${from} to ${to} failed for extension ${extension}. Error: State transition is not allowed`,
  );
}

function canonicalUuid(text: string): string | undefined {
  const match = UUID.exec(text);
  return match ? match.slice(1).join('-').toLowerCase() : undefined;
}
