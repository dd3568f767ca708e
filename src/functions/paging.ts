import { invalidParameter } from '../model/api-error.ts';

/** Items that one answer of most lists carries, whatever MaxItems asks for (lambda-facts 6.1). */
const PAGE_ITEMS_MAX = 50;

/** Names, aliases and versions: what our markers hold, and nothing that the store would choke on. */
const POSITION_PART = /^[a-zA-Z0-9-_.$]{1,256}$/;
const POSITION_PARTS_MAX = 2;
const MARKER_LENGTH_MAX = 2048;

/** Records that a walk for one page reads at once: the items of the page, and the one that shows that there are more. */
export function recordsOfPage(maxItems: number | undefined): number {
  return itemsOfPage(maxItems) + 1;
}

function itemsOfPage(maxItems: number | undefined, pageItemsMax = PAGE_ITEMS_MAX): number {
  return Math.min(maxItems ?? pageItemsMax, pageItemsMax);
}

export interface Paged<Item> {
  readonly items: readonly Item[];
  readonly nextMarker?: string;
}

/**
 * Takes one page from the items that follow `position`. `items` must begin there; `positionOf` gives the position from
 * which the rest can be listed after an item. `pageItemsMax` is for lists whose pages are longer than the others'.
 */
export async function takePage<Item>(
  items: AsyncIterable<Item>,
  maxItems: number | undefined,
  positionOf: (item: Item) => readonly string[],
  pageItemsMax?: number,
): Promise<Paged<Item>> {
  const itemsMax = itemsOfPage(maxItems, pageItemsMax);
  const page: Item[] = [];
  for await (const item of items) {
    if (page.length === itemsMax) return { items: page, nextMarker: writeMarker(positionOf(page.at(-1) as Item)) };
    page.push(item);
  }
  return { items: page };
}

/** Opaque to callers: the position in base64. */
function writeMarker(position: readonly string[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** The position in a marker; none for no marker. Throws InvalidParameterValueException when it is not one of ours. */
export function readMarker(marker: string | undefined): readonly string[] {
  if (marker === undefined || marker === '') return [];
  try {
    if (marker.length > MARKER_LENGTH_MAX) throw new Error('too long');
    const position: unknown = JSON.parse(Buffer.from(marker, 'base64url').toString());
    if (isPosition(position)) return position;
  } catch {
    // Told below, together with markers that decode to something else.
  }
  throw invalidParameter(`The marker '${marker}' is not valid.`);
}

function isPosition(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > POSITION_PARTS_MAX) return false;
  return value.every((part) => typeof part === 'string' && POSITION_PART.test(part));
}
