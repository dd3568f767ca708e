import { changeFunction } from '../functions/change-function.ts';
import {
  checkSubject,
  type EventInvokeConfigBody,
  eventInvokeConfigKey,
  eventInvokeSettings,
  mergeDestinations,
  readEventInvokeConfig,
  viewEventInvokeConfig,
} from '../functions/event-invoke-config.ts';
import { checkDestinations, noteInertDestinations } from '../functions/event-invoke-config-destinations.ts';
import { parseQualified } from '../functions/function-name.ts';
import type { Operation } from './operation.ts';

/** Replaces the whole configuration: what is not given is not set any more. */
export const putFunctionEventInvokeConfig: Operation<'PutFunctionEventInvokeConfig'> = async (context, input) => {
  const { services } = context;
  const { metadata, neighbours, inert, clock } = services;
  const { destinations: given, ...numbers } = eventInvokeSettings(input);
  const subject = parseQualified(context, input.FunctionName, input.Qualifier);
  const destinations = mergeDestinations({}, given);
  const body = await changeFunction(services, context, subject.name, async () => {
    await checkSubject(metadata, context, subject);
    await checkDestinations(services, context, subject, destinations);
    const before = await readEventInvokeConfig(metadata, context, subject);
    const after: EventInvokeConfigBody = {
      functionName: subject.name,
      qualifier: subject.qualifier,
      ...numbers,
      destinations,
      lastModified: clock.now(),
    };
    const key = eventInvokeConfigKey(context, subject);
    await metadata.commit([{ type: 'put', key, body: after, expect: before?.revision ?? 0 }]);
    return after;
  });
  noteInertDestinations(inert, neighbours, context, subject, destinations);
  return { output: viewEventInvokeConfig(context, body) };
};
