/** The hooks of node-path-imports.cjs for Node 18 and 20, which run them in a thread of their own. */

import { isLacking, requiredFrom, searchPlaces } from './node-path-imports.cjs';

const places = searchPlaces();

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!isLacking(error, specifier)) throw error;
    for (const parentURL of places) {
      try {
        return await next(specifier, { ...context, parentURL });
      } catch (other) {
        if (!isLacking(other, specifier)) throw other;
      }
    }
    return requiredFrom(specifier, error);
  }
}
