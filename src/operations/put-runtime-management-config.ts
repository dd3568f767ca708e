import { changeFunction } from '../functions/change-function.ts';
import {
  findManagedVersion,
  parseManagedVersion,
  readRuntimeManagement,
  runtimeManagementKey,
  runtimeManagementOf,
  viewRuntimeManagement,
} from '../functions/runtime-management.ts';
import type { Operation } from './operation.ts';

export const putRuntimeManagementConfig: Operation<'PutRuntimeManagementConfig'> = async (context, input) => {
  const { services } = context;
  const { metadata } = services;
  const managed = parseManagedVersion(context, input.FunctionName, input.Qualifier);
  const body = await changeFunction(services, context, managed.name, async () => {
    const version = await findManagedVersion(metadata, context, managed);
    const after = runtimeManagementOf(context, version, input);
    const before = await readRuntimeManagement(metadata, context, managed);
    const key = runtimeManagementKey(context, managed);
    await metadata.commit([{ type: 'put', key, body: after, expect: before?.revision ?? 0 }]);
    return after;
  });
  return { output: viewRuntimeManagement(context, body) };
};
