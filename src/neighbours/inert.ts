import type { Endpoints, NeighbourName } from '../base/endpoints.ts';
import { type InertSetting, inertSettingsOf, inertText, type PointingSettings } from '../base/inert-settings.ts';
import { LruMap } from '../base/lru.ts';
import type { InertSettings } from './neighbours.ts';

/** Remembered as said; beyond it something may be said twice. */
const NOTED_MAX = 10_000;

export interface InertRecorder extends InertSettings {
  /** Notes that too, and gives the line for the function's log, each once. */
  noteForLog(neighbour: NeighbourName, what: string, where: string): string | undefined;
  /**
   * Notes what of these settings is inert, and gives the lines of it that were not said before, each without its end
   * of line. `where`: the function's ARN.
   */
  noteSettings(settings: PointingSettings, where: string): readonly string[];
}

/** Says what is inert once each to whoever runs the server. */
export function createInertRecorder(
  endpoints: Endpoints,
  isTracing: boolean,
  log: (line: string) => void,
): InertRecorder {
  const noted = new LruMap<string, true>(NOTED_MAX);
  const logged = new LruMap<string, true>(NOTED_MAX);
  const first = (neighbour: InertSetting['neighbour'], setting: string, where: string) => {
    const name = `${neighbour} ${setting} ${where}`;
    if (noted.get(name)) return false;
    noted.set(name, true);
    log(`${where}: ${inertText({ neighbour, setting })}`);
    return true;
  };
  return {
    note: (neighbour, what, where) => void first(neighbour, what, where),
    noteForLog(neighbour, setting, where) {
      first(neighbour, setting, where);
      const name = `${neighbour} ${setting} ${where}`;
      if (logged.get(name)) return undefined;
      logged.set(name, true);
      return `lambdad: ${inertText({ neighbour, setting })}`;
    },
    noteSettings: (settings, where) =>
      inertSettingsOf(settings, endpoints, isTracing)
        .filter(({ neighbour, setting }) => first(neighbour, setting, where))
        .map((inert) => `lambdad: ${inertText(inert)}`),
  };
}
