// Who may import what. ARCHITECTURE.md says it in words; a room that is added or moved is added or moved here.

/** A file imports from its own room and from rooms named earlier. */
const rooms = [
  'base',
  'runtimes',
  'model',
  'protocol',
  'store',
  'access',
  'neighbours',
  'packages',
  'layers',
  'functions',
  'logs',
  'environments',
  'invoke',
  'durable',
  'sources',
  'operations',
  'server',
];

/** Adapter room → the room of the port that it implements: it imports that one and those before it. */
const adapters = {
  databases: 'store',
  sandboxes: 'environments',
  destinations: 'invoke',
  tracing: 'invoke',
  pollers: 'sources',
};

/**
 * The command line speaks the public HTTP API only: of the server it knows the wire and the settings. What runs on this
 * machine is in a room of its own, because `doctor` and `runtimes` look at it where no server runs.
 */
const cliRooms = ['base', 'runtimes', 'model', 'protocol', 'cli'];

const upTo = (room) => rooms.slice(0, rooms.indexOf(room) + 1);
const anyOf = (names) => `^src/(${names.join('|')})/`;
const tests = '\\.test\\.ts$';

/** Rule: files of `room` import nothing of src but what `allowed` names. */
function roomRule(room, allowed, extra = []) {
  return {
    name: `${room}-imports`,
    comment: `src/${room} imports only: ${allowed.join(', ')}.`,
    severity: 'error',
    from: { path: `^src/${room}/`, pathNot: tests },
    to: { path: '^src/', pathNot: [anyOf(allowed), ...extra] },
  };
}

module.exports = {
  forbidden: [
    ...rooms.map((room) => roomRule(room, upTo(room))),
    ...Object.entries(adapters).map(([room, port]) => roomRule(room, [...upTo(port), room])),
    roomRule('cli', cliRooms, ['^src/config\\.ts$', '^src/main\\.ts$']),
    {
      name: 'only-start-loads-the-server',
      comment: 'The other commands must start fast and need no server code.',
      severity: 'error',
      from: { path: '^src/cli/', pathNot: '^src/cli/(commands/)?start\\.ts$' },
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'the-server-is-loaded-on-demand',
      comment: '`lambdad --help` and every client command run without loading the server.',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/main\\.ts$', dynamic: false, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'config-imports',
      comment: 'Settings are read before anything else is there.',
      severity: 'error',
      from: { path: '^src/config\\.ts$' },
      to: { path: '^src/', pathNot: '^src/base/' },
    },
    {
      name: 'only-main-names-adapters',
      comment: 'Rooms know ports; the composition root chooses what stands behind them.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/main\\.ts$', anyOf(Object.keys(adapters)), tests] },
      to: { path: anyOf(Object.keys(adapters)) },
    },
    {
      name: 'adapters-do-not-know-each-other',
      comment: 'Two adapter rooms share nothing but ports.',
      severity: 'error',
      from: { path: '^src/(databases|sandboxes|destinations|tracing)/' },
      to: { path: anyOf(Object.keys(adapters)), pathNot: '^src/$1/' },
    },
    {
      name: 'every-room-has-its-rule',
      comment: 'A new folder of src takes its place in the order of rooms above.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: anyOf([...rooms, ...Object.keys(adapters), 'cli']) },
      to: {},
    },
    {
      name: 'sub-folders-are-private',
      comment: 'What is in a folder of a room is for that room alone.',
      severity: 'error',
      from: { path: '^src/([^/]+)/', pathNot: tests },
      to: { path: '^src/[^/]+/[^/]+/', pathNot: '^src/$1/' },
    },
    {
      name: 'main-stays-out-of-sub-folders',
      comment: 'The composition root reaches into adapters alone.',
      severity: 'error',
      from: { path: '^src/main\\.ts$' },
      to: { path: '^src/[^/]+/[^/]+/', pathNot: anyOf(Object.keys(adapters)) },
    },
    {
      name: 'no-cycles',
      comment: 'Type-only imports count: two files that need each other are one thought.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'src-knows-no-tests',
      comment: 'Shipped code imports neither tests nor the scripts that build it.',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { path: ['^(test|bench|scripts|examples|runtimes|native|console)/', tests] },
    },
    {
      name: 'no-development-packages',
      comment: 'What src imports is installed with the package.',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'everything-resolves',
      comment: 'An import that leads nowhere fails at run time.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dead-files',
      comment: 'Every file is reached from the command or the server. Workers are entries of their own.',
      severity: 'error',
      from: { path: ['^src/main\\.ts$', '^src/cli/main\\.ts$', 'worker\\.ts$'] },
      to: { path: '^src/', pathNot: [tests, '^src/cli/main\\.ts$', 'worker\\.ts$'], reachable: false },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
