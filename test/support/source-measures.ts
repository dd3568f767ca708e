import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';

/** A function of a source file: its name as a reader would call it, where it begins, and how many lines it has. */
export interface FunctionMeasure {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

/** Lines of a text, without the empty one after the last newline. */
export function lineCount(text: string): number {
  return text === '' ? 0 : text.replace(/\n$/, '').split('\n').length;
}

/**
 * Every function of a TypeScript or JavaScript text. What is passed to `describe` is left out: it is a chapter of tests,
 * not a function of its own. Nested functions count for themselves and for those around them.
 */
export function measureFunctions(fileName: string, text: string): FunctionMeasure[] {
  const source = ts.createSourceFile(fileName, text, ts.ScriptTarget.Latest, true);
  const measures: FunctionMeasure[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body && !isChapter(node)) {
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
      const end = source.getLineAndCharacterOfPosition(node.getEnd()).line + 1;
      measures.push({ name: nameOf(node), line, lines: end - line + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return measures;
}

function isChapter(node: ts.Node): boolean {
  const call = node.parent;
  return ts.isCallExpression(call) && /^(describe|suite)\b/.test(call.expression.getText());
}

function nameOf(node: ts.Node): string {
  const named = ('name' in node ? node.name : undefined) ?? ('name' in node.parent ? node.parent.name : undefined);
  return named ? (named as ts.Node).getText() : 'function';
}

const LINK = /\]\(([^)\s]+)\)/g;

/** Files that a Markdown text links to, as paths from the project's folder. Links to the web and within the page are not. */
export function linkedFiles(path: string, markdown: string): string[] {
  const prose = markdown.replace(/```[\s\S]*?```/g, '');
  return [...prose.matchAll(LINK)]
    .map((match) => (match[1] ?? '').split('#')[0] ?? '')
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
    .map((target) => normalize(join(dirname(path), decodeURI(target))));
}
