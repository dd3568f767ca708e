import { invalidParameter } from '../model/api-error.ts';

/** Layers of one function (lambda-facts 6.3.18). */
const LAYERS_MAX = 5;

/**
 * Checks the layer versions that a function asks for. There are no layer operations yet, so no layer version exists,
 * and a list that has any other fault is refused for that one first, as AWS does.
 * Throws InvalidParameterValueException.
 */
export function checkLayers(region: string, arns: readonly string[]): void {
  if (arns.length === 0) return;
  if (arns.length > LAYERS_MAX) throw invalidParameter(`Cannot reference more than ${LAYERS_MAX} layers.`);
  if (arns.some((arn) => regionOf(arn) !== region && regionOf(arn) !== ''))
    throw invalidParameter(
      `Layers are not in the same region as the function. Layers are expected to be in region ${region}.`,
    );
  const seen = new Map<string, string>();
  for (const arn of arns) {
    const layer = arn.slice(0, arn.lastIndexOf(':'));
    const other = seen.get(layer);
    if (other !== undefined)
      throw invalidParameter(
        `Two different versions of the same layer are not allowed to be referenced in the same function. ${other} and ${arn} are versions of the same layer.`,
      );
    seen.set(layer, arn);
  }
  throw invalidParameter(`Layer version ${arns[0]} does not exist.`);
}

/** `arn:aws:lambda:REGION:…`; AWS's own layers have none there and belong to every region. */
function regionOf(arn: string): string {
  return arn.split(':')[3] ?? '';
}
