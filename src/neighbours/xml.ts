/**
 * The XML that AWS's Query services answer with, and no more of XML than that: elements and text. What else XML knows
 * (document types, entities of its own, references to elsewhere) makes the reader refuse the whole answer.
 */
export interface XmlElement {
  readonly name: string;
  readonly children: XmlElement[];
  /** Text directly in the element, references resolved. */
  text: string;
}

const DEPTH_MAX = 64;

/** Declaration, comment, tag (closing slash, name, attributes, self-closing slash) or text. */
const TOKEN =
  /<\?xml [^<>?]*\?>|<!--(?:(?!--)[\s\S])*-->|<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|[^<]+/y;

/** The root element. Throws a SyntaxError for everything else. */
export function readXml(source: string): XmlElement {
  const document: XmlElement = { name: '', children: [], text: '' };
  const open = [document];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const [token, closing, name, , empty] = TOKEN.exec(source) ?? [];
    if (token === undefined) throw new SyntaxError(`no XML that lambdad reads, at character ${at}`);
    const inner = open.at(-1) as XmlElement;
    if (name === undefined) {
      if (!token.startsWith('<')) inner.text += resolved(token);
    } else if (closing) {
      if (open.length === 1 || inner.name !== name) throw new SyntaxError(`</${name}> closes nothing`);
      open.pop();
    } else {
      const element: XmlElement = { name, children: [], text: '' };
      inner.children.push(element);
      if (!empty && open.push(element) > DEPTH_MAX) throw new SyntaxError(`more than ${DEPTH_MAX} elements deep`);
    }
  }
  const [root, second] = document.children;
  if (open.length > 1) throw new SyntaxError(`<${open.at(-1)?.name}> is not closed`);
  if (root === undefined || second !== undefined || document.text.trim() !== '')
    throw new SyntaxError('not one root element');
  return root;
}

/** All elements of a name, however deep, in order. */
export function* elementsOf(within: XmlElement, name: string): Generator<XmlElement> {
  for (const child of within.children) {
    if (child.name === name) yield child;
    yield* elementsOf(child, name);
  }
}

/** The text of the first element of a name. */
export function textOf(within: XmlElement, name: string): string | undefined {
  const { value } = elementsOf(within, name).next();
  return (value as XmlElement | undefined)?.text.trim();
}

const NAMED: ReadonlyMap<string, string> = new Map(
  Object.entries({ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }),
);

function resolved(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&([^;&]{0,10};)?/g, (whole, body: string | undefined) => {
    const [, hexadecimal, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}));$/.exec(body ?? '') ?? [];
    const code = hexadecimal ? Number.parseInt(hexadecimal, 16) : decimal ? Number(decimal) : undefined;
    const character =
      code === undefined
        ? NAMED.get((body ?? '').slice(0, -1))
        : code <= 0x10ffff
          ? String.fromCodePoint(code)
          : undefined;
    if (character === undefined) throw new SyntaxError(`${whole} is no reference that lambdad knows`);
    return character;
  });
}
