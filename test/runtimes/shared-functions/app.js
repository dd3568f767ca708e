// The function of the shared suite in JavaScript: its event says what it does.
// biome-ignore lint/style/useNodejsImportProtocol: Node 12 knows no other name.
const { readFileSync } = require('fs');

let invocations = 0;

const actions = {
  echo: ({ value }) => value,
  count: () => invocations,
  environment: ({ names }) =>
    Object.fromEntries(names.filter((name) => name in process.env).map((name) => [name, process.env[name]])),
  fail: ({ message }) => {
    throw new RangeError(message);
  },
  sleep: ({ ms }) => new Promise((resolve) => setTimeout(resolve, ms, 'slept')),
  exit: ({ status }) => process.exit(status),
  read: ({ path }) => readFileSync(path, 'utf8'),
  library: () => require('of-a-layer'),
};

exports.handler = async (event) => {
  invocations += 1;
  return actions[event.do](event);
};
