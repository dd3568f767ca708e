/** Ranges that depend on the source or on a second setting. The framework has checked the model's own before. */
import { invalidParameter } from '../model/api-error.ts';
import type { MappingSettings } from './mapping-record.ts';
import type { SourceKind } from './source-kind.ts';
import { isKafka } from './source-traits.ts';

const RECORD_AGE_S_MIN = 60;
const SQS_POLLERS_MIN = 2;

/** -1 stands for no limit. AWS documents the gap; its text is not known. */
export function checkRecordAge({ MaximumRecordAgeInSeconds: ageS }: MappingSettings): void {
  if (ageS === undefined || ageS === -1 || ageS >= RECORD_AGE_S_MIN) return;
  throw invalidParameter('MaximumRecordAgeInSeconds must be -1 or between 60 and 604800.');
}

/** The texts of AWS are not known. */
export function checkPollers(kind: SourceKind, settings: MappingSettings): void {
  const { ProvisionedPollerConfig: pollers, ScalingConfig } = settings;
  if (pollers === undefined) return;
  const { MinimumPollers: least = 1, MaximumPollers: most = least, PollerGroupName } = pollers;
  if (ScalingConfig !== undefined)
    throw invalidParameter('MaximumConcurrency and ProvisionedPollerConfig cannot be set at the same time.');
  if (kind === 'sqs' && Math.min(least, most) < SQS_POLLERS_MIN)
    throw invalidParameter(
      `MinimumPollers and MaximumPollers must be at least ${SQS_POLLERS_MIN} for SQS event sources.`,
    );
  if (least > most) throw invalidParameter('MinimumPollers must not be greater than MaximumPollers.');
  if (PollerGroupName !== undefined && !isKafka(kind))
    throw invalidParameter(
      `Unsupported 'provisionedPollerConfig.pollerGroupName' parameter for given event source mapping type.`,
    );
}

/** Errors and lags are counted for Kafka alone. AWS's text is not known. */
export function checkMetrics(kind: SourceKind, { MetricsConfig }: MappingSettings): void {
  const refused = isKafka(kind) ? undefined : MetricsConfig?.Metrics?.find((metric) => metric !== 'EventCount');
  if (refused === undefined) return;
  throw invalidParameter(`Unsupported metric ${refused} for given event source mapping type.`);
}
