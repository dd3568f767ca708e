/** `/metrics`, which asks for no signature: told to this machine alone unless the server is set to tell everybody. */
import type { IncomingMessage } from 'node:http';
import { METRICS_MEDIA_TYPE, type MetricFamily, metricsText } from '../base/metric-family.ts';
import { ApiError } from '../model/api-error.ts';
import type { WireAnswer } from '../protocol/serialise.ts';

const METRICS_PATH = '/metrics';
/** IPv4 addresses appear in this form on a listener of both kinds. */
const LOOPBACK_PEER = /^(::ffff:)?127\.|^::1$/;

export interface MetricsSource {
  readonly audience: 'loopback' | 'all';
  readonly families: () => readonly MetricFamily[];
}

export function isMetricsRequest({ method, url }: IncomingMessage): boolean {
  return url === METRICS_PATH && (method === 'GET' || method === 'HEAD');
}

/** The refusal of a caller from elsewhere; one behind a proxy counts as such. */
export function refuseMetrics({ audience }: MetricsSource, { headers, socket }: IncomingMessage): ApiError | undefined {
  if (audience === 'all') return undefined;
  const isPassedOn = headers['x-forwarded-for'] !== undefined || headers['forwarded'] !== undefined;
  if (!isPassedOn && LOOPBACK_PEER.test(socket.remoteAddress ?? '')) return undefined;
  return new ApiError('AccessDeniedException', 'Metrics are for this machine only; see --metrics.');
}

export function metricsAnswer({ families }: MetricsSource): WireAnswer {
  const body = Buffer.from(metricsText(families()));
  return { status: 200, headers: ['Content-Type', METRICS_MEDIA_TYPE, 'Cache-Control', 'no-store'], body };
}
