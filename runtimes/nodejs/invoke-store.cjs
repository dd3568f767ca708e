/** The `awslambda.InvokeStore` of Node 24 and later: what libraries ask for the running invocation's identifiers. */

'use strict';

const requestId = Symbol.for('_AWS_LAMBDA_REQUEST_ID');
const traceId = Symbol.for('_AWS_LAMBDA_X_RAY_TRACE_ID');
const tenantId = Symbol.for('_AWS_LAMBDA_TENANT_ID');
const protectedKeys = [requestId, traceId, tenantId];

class InvokeStore {
  #context;

  getContext() {
    return this.#context;
  }

  hasContext() {
    return this.#context !== undefined;
  }

  get(key) {
    return this.#context && this.#context[key];
  }

  set(key, value) {
    if (this.isProtectedKey(key)) throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`);
    if (!this.#context) this.#context = {};
    this.#context[key] = value;
  }

  run(context, action) {
    this.#context = context;
    return action();
  }

  isProtectedKey(key) {
    return protectedKeys.includes(key);
  }

  getRequestId() {
    return this.get(requestId) || '-';
  }

  getXRayTraceId() {
    return this.get(traceId);
  }

  getTenantId() {
    return this.get(tenantId);
  }
}

/** The store's content at the start of an invocation. */
function invokeContext(headers) {
  return {
    [requestId]: headers['lambda-runtime-aws-request-id'],
    [traceId]: headers['lambda-runtime-trace-id'],
    [tenantId]: headers['lambda-runtime-aws-tenant-id'],
  };
}

module.exports = { InvokeStore, invokeContext };
