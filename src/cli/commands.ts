import type { Command } from './command.ts';

export interface CommandEntry {
  readonly name: string;
  /** What follows the name: `NAME [-f]`. */
  readonly synopsis: string;
  readonly summary: string;
  /** Other words that people try first; answered with the right one. */
  readonly otherWords: readonly string[];
  /** Commands are loaded when they are run, so that each starts fast. */
  load(): Promise<{ readonly command: Command }>;
}

/** Every command, in the order of the help. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'start',
    synopsis: '[OPTIONS]',
    summary: 'run the server in the foreground',
    otherWords: ['serve', 'server', 'run', 'up'],
    load: () => import('./start.ts'),
  },
  {
    name: 'deploy',
    synopsis: 'DIR|FILE.zip [OPTIONS]',
    summary: 'create or update a function from a folder or a zip',
    otherWords: ['create', 'update', 'push', 'publish', 'upload'],
    load: () => import('./deploy.ts'),
  },
  {
    name: 'invoke',
    synopsis: 'NAME [OPTIONS]',
    summary: 'run a function and print what it returns',
    otherWords: ['call', 'exec', 'execute'],
    load: () => import('./invoke.ts'),
  },
  {
    name: 'logs',
    synopsis: 'NAME [-f] [OPTIONS]',
    summary: 'print what a function wrote, and follow it',
    otherWords: ['tail', 'log'],
    load: () => import('./logs.ts'),
  },
  {
    name: 'ls',
    synopsis: '[OPTIONS]',
    summary: 'list the functions',
    otherWords: ['list', 'functions', 'ps'],
    load: () => import('./ls.ts'),
  },
  {
    name: 'rm',
    synopsis: 'NAME [OPTIONS]',
    summary: 'delete a function',
    otherWords: ['delete', 'remove', 'destroy'],
    load: () => import('./rm.ts'),
  },
  {
    name: 'env',
    synopsis: '[OPTIONS]',
    summary: 'print the variables that point AWS clients here',
    otherWords: ['environment', 'export'],
    load: () => import('./env.ts'),
  },
  {
    name: 'runtimes',
    synopsis: '[ls | install NAME… | rm NAME…]',
    summary: 'say what runtimes run on, fetch them ahead, remove them',
    otherWords: ['runtime', 'install', 'languages'],
    load: () => import('./runtimes.ts'),
  },
  {
    name: 'doctor',
    synopsis: '[OPTIONS]',
    summary: 'say what this machine gives and how to mend what it lacks',
    otherWords: ['check', 'status', 'info', 'diagnose'],
    load: () => import('./doctor.ts'),
  },
];

/** How many letters may be wrong in a word that is still taken for a command. */
const TYPOS_MAX = 2;

/** The command that was probably meant by `word`, or undefined. */
export function suggestion(word: string): string | undefined {
  const typed = word.toLowerCase();
  const same = commands.find(({ name, otherWords }) => name === typed || otherWords.includes(typed));
  if (same) return same.name;
  const started = typed.length > 1 ? commands.filter(({ name }) => name.startsWith(typed)) : [];
  if (started.length === 1) return started[0]?.name;
  const near = commands
    .map(({ name }) => ({ name, typos: editDistance(typed, name) }))
    .filter(({ name, typos }) => typos <= TYPOS_MAX && typos < name.length)
    .sort((a, b) => a.typos - b.typos);
  return near[0]?.name;
}

/** Letters to insert, delete or change, or neighbours to swap, to make `a` into `b`. */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i + j));
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const change = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? at(i - 2, j - 2) + 1 : change;
      rows[i]![j] = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, change, swap);
    }
  }
  return at(a.length, b.length);
}
