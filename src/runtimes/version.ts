/** Negative, zero or positive as version `a` is older, the same or newer than `b`; `3` is older than `3.1`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(/[._+-]/).map(Number)) as [number[], number[]];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? -1) - (right[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** As many leading parts of `full` as `example` has: `3.13.1` like `3.12` is `3.13`. */
export function versionLike(example: string, full: string): string {
  return full.split('.').slice(0, example.split('.').length).join('.');
}

/** How far two versions are from each other, a step of an earlier part counting more than any of the next. */
export function versionDistance(a: string, b: string): number {
  const [major = 0, minor = 0] = a.split('.').map(Number);
  const [otherMajor = 0, otherMinor = 0] = b.split('.').map(Number);
  return Math.abs(major - otherMajor) * PARTS_MAX + Math.abs(minor - otherMinor);
}

const PARTS_MAX = 1000;
