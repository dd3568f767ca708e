import { changeFunction } from '../functions/change-function.ts';
import {
  checkSubject,
  type EventInvokeConfigBody,
  eventInvokeConfigKey,
  eventInvokeSettings,
  findEventInvokeConfig,
  mergeDestinations,
  viewEventInvokeConfig,
} from '../functions/event-invoke-config.ts';
import { checkDestinations, noteInertDestinations } from '../functions/event-invoke-config-destinations.ts';
import { parseQualified } from '../functions/function-name.ts';
import type { Operation } from './operation.ts';

/** Changes what is given of an existing configuration and keeps the rest. */
export const updateFunctionEventInvokeConfig: Operation<'UpdateFunctionEventInvokeConfig'> = async (context, input) => {
  const { services } = context;
  const { metadata, neighbours, inert, clock } = services;
  const { destinations: given, ...numbers } = eventInvokeSettings(input);
  const subject = parseQualified(context, input.FunctionName, input.Qualifier);
  const body = await changeFunction(services, context, subject.name, async () => {
    await checkSubject(metadata, context, subject);
    const before = await findEventInvokeConfig(metadata, context, subject);
    // Destinations that stay are not asked after again.
    await checkDestinations(services, context, subject, mergeDestinations({}, given));
    const destinations = mergeDestinations(before.body.destinations, given);
    const after: EventInvokeConfigBody = { ...before.body, ...numbers, destinations, lastModified: clock.now() };
    await metadata.commit([
      { type: 'put', key: eventInvokeConfigKey(context, subject), body: after, expect: before.revision },
    ]);
    return after;
  });
  noteInertDestinations(inert, neighbours, context, subject, body.destinations);
  return { output: viewEventInvokeConfig(context, body) };
};
