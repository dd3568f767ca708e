import {
  findManagedVersion,
  parseManagedVersion,
  readRuntimeManagement,
  viewRuntimeManagement,
} from '../functions/runtime-management.ts';
import type { Operation } from './operation.ts';

/** Auto for a version that nothing was set for. */
export const getRuntimeManagementConfig: Operation<'GetRuntimeManagementConfig'> = async (context, input) => {
  const { metadata } = context.services;
  const managed = parseManagedVersion(context, input.FunctionName, input.Qualifier);
  const { functionName, version } = await findManagedVersion(metadata, context, managed);
  const record = await readRuntimeManagement(metadata, context, managed);
  const body = record?.body ?? { functionName, version, updateRuntimeOn: 'Auto' as const };
  return { output: viewRuntimeManagement(context, body) };
};
