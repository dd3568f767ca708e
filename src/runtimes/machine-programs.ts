import { assetPath } from '../base/assets.ts';
import { type RuntimeFamily, readRuntimeFamily } from './description.ts';
import { FoundPrograms } from './found-programs.ts';

/** The family of a folder that ships with lambdad: `python`. Throws when there is none. */
export function shippedFamily(name: string): RuntimeFamily {
  return readRuntimeFamily(assetPath(`runtimes/${name}`));
}

/** The programs of a family that runs on what the machine has. Throws for one that does not. */
export function machinePrograms(family: string, env: Readonly<Record<string, string | undefined>>): FoundPrograms {
  const found = shippedFamily(family);
  const { interpreter } = found.description;
  if (interpreter?.from !== 'machine') throw new Error(`${family} needs nothing of the machine`);
  return new FoundPrograms(found, interpreter, env);
}
