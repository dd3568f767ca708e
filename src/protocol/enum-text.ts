import { shapeNamed } from './json-value.ts';

/** Orders in which AWS was seen to name the values (lambda-facts 15); the model's order for all others. */
const seenOrders: Readonly<Record<string, readonly string[]>> = {
  RecursiveLoop: ['Terminate', 'Allow'],
  InvokeMode: ['RESPONSE_STREAM', 'BUFFERED'],
  EventSourcePosition: ['LATEST', 'AT_TIMESTAMP', 'TRIM_HORIZON'],
};

/** The beginning of the list of runtimes as AWS was seen to give it; supported runtimes only. */
const seenRuntimes = (
  'nodejs20.x python3.14 provided.al2023 python3.12 python3.13 nodejs24.x nodejs22.x java25 python3.10 python3.11 ' +
  'java21 ruby3.3 ruby3.4 ruby3.2 python3.8 python3.9 java17 nodejs16.x dotnet10 dotnet8 java11 dotnet6'
).split(' ');

/** Runtimes that the model still knows and that AWS's list does not name any more. */
const retiredRuntimes = new Set(
  (
    'nodejs nodejs4.3 nodejs4.3-edge nodejs6.10 nodejs8.10 nodejs10.x nodejs12.x nodejs14.x java8 python2.7 python3.6 ' +
    'python3.7 dotnetcore1.0 dotnetcore2.0 dotnetcore2.1 dotnetcore3.1 go1.x ruby2.5 ruby2.7 provided'
  ).split(' '),
);

function runtimes(): readonly string[] {
  const rest = (shapeNamed('Runtime').enum ?? []).filter((name) => !retiredRuntimes.has(name));
  return [...new Set([...seenRuntimes, ...rest])];
}

/** The values of an enum as the texts name them, `[A, B]`. */
export function enumSet(shapeName: string): string {
  const values = shapeName === 'Runtime' ? runtimes() : (seenOrders[shapeName] ?? shapeNamed(shapeName).enum ?? []);
  return `[${values.join(', ')}]`;
}
