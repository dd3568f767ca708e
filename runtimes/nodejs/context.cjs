/** The context object handed to a function. Order and set of its members are those recorded on each generation. */

'use strict';

/**
 * Returns a maker of context objects. What comes from the environment is read once, here.
 *
 * @returns {(base: object, headers: Record<string, string>) => object} adds the members to `base` and returns it;
 *   throws an Error when a JSON header cannot be parsed
 */
function contextMaker(behaviour) {
  const functionName = process.env.AWS_LAMBDA_FUNCTION_NAME;
  const functionVersion = process.env.AWS_LAMBDA_FUNCTION_VERSION;
  const memoryLimitInMB = process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE;
  const logGroupName = process.env.AWS_LAMBDA_LOG_GROUP_NAME;
  const logStreamName = process.env.AWS_LAMBDA_LOG_STREAM_NAME;

  function addHeaders(context, headers) {
    const deadlineMs = Number(headers['lambda-runtime-deadline-ms']);
    context.clientContext = parseHeader(headers['lambda-runtime-client-context'], 'ClientContext');
    context.identity = parseHeader(headers['lambda-runtime-cognito-identity'], 'CognitoIdentity');
    context.invokedFunctionArn = headers['lambda-runtime-invoked-function-arn'];
    context.awsRequestId = headers['lambda-runtime-aws-request-id'];
    context.tenantId = headers['lambda-runtime-aws-tenant-id'];
    if (behaviour.traceIdInContext) context.xRayTraceId = headers['lambda-runtime-trace-id'];
    context.getRemainingTimeInMillis = () => deadlineMs - Date.now();
    return context;
  }

  return behaviour.callbacks
    ? (context, headers) => {
        Object.assign(context, { functionVersion, functionName, memoryLimitInMB, logGroupName, logStreamName });
        return addHeaders(context, headers);
      }
    : (context, headers) => {
        addHeaders(context, headers);
        return Object.assign(context, { functionName, functionVersion, memoryLimitInMB, logGroupName, logStreamName });
      };
}

function parseHeader(text, name) {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${error}`);
  }
}

module.exports = { contextMaker };
