/** One line of what `lambdad doctor` found. */
export interface Finding {
  readonly section: 'sandbox' | 'network' | 'runtimes' | 'limits' | 'disk' | 'neighbours' | 'tracing';
  readonly name: string;
  /** `note`: works, with something to know; `lack`: something is missing that functions need. */
  readonly level: 'ok' | 'note' | 'lack';
  readonly text: string;
  /** Commands for a shell, each of which or all of which mend it; their comments say so. */
  readonly mend: readonly string[];
}

type Section = Finding['section'];

export function ok(section: Section, name: string, text: string): Finding {
  return { section, name, level: 'ok', text, mend: [] };
}

export function note(section: Section, name: string, text: string, mend: readonly string[] = []): Finding {
  return { section, name, level: 'note', text, mend };
}

export function lack(section: Section, name: string, text: string, mend: readonly string[]): Finding {
  return { section, name, level: 'lack', text, mend };
}
