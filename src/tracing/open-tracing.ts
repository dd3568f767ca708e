/** Where segments go: made when there is such a place; otherwise nothing is traced, and nothing is kept for it. */
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { MetricFamily } from '../base/metric-family.ts';
import { type TracingSettings, tracingTexts } from '../base/tracing-settings.ts';
import type { DatagramTaker } from '../environments/trace-datagrams.ts';
import type { SegmentDocument, SegmentOwner } from '../invoke/segment-document.ts';
import { Tracing } from '../invoke/tracing.ts';
import { readDatagram } from './function-datagram.ts';
import { OtlpExporter } from './otlp-exporter.ts';
import type { AnySegment, TraceTarget } from './trace-target.ts';
import { XrayDaemon } from './xray-daemon.ts';

export interface OpenedTracing {
  /** For the server's start, each with its name in front. */
  readonly lines: readonly string[];
  readonly tracing: Tracing | undefined;
  /** Takes what functions send themselves. */
  readonly datagrams: DatagramTaker | undefined;
  families(): readonly MetricFamily[];
  /** Sends what waits, within this time. Never rejects. */
  close(withinMs: number): Promise<void>;
}

export interface TracingTools {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly note: (line: string) => void;
}

const NOWHERE: OpenedTracing = {
  lines: [],
  tracing: undefined,
  datagrams: undefined,
  families: () => [],
  close: async () => undefined,
};

export function openTracing(settings: TracingSettings, { clock, ids, note }: TracingTools): OpenedTracing {
  const { xrayDaemon, otlp } = settings;
  const targets: TraceTarget[] = [];
  if (xrayDaemon !== undefined) targets.push(new XrayDaemon(xrayDaemon, clock, note));
  if (otlp !== undefined) targets.push(new OtlpExporter(otlp, clock, note));
  if (targets.length === 0) return NOWHERE;
  let refused = 0;
  const send = (segment: AnySegment, owner: SegmentOwner, datagram?: Buffer) => {
    for (const target of targets) target.send(segment, owner, datagram);
  };
  const sink = {
    send: (document: SegmentDocument, owner: SegmentOwner) => send({ ...document }, owner),
  };
  const datagrams: DatagramTaker = {
    take: (datagram, owner) => {
      const segment = readDatagram(datagram);
      if (segment === undefined) refused++;
      else send(segment, owner, datagram);
    },
    dropped: () => {
      refused++;
    },
  };
  return {
    lines: [`traces:   ${tracingTexts(settings).join(', ')}`],
    tracing: new Tracing({ sink, clock, ids }),
    datagrams,
    families: () => [family(targets, refused)],
    close: async (withinMs) => void (await Promise.all(targets.map((target) => target.close(withinMs)))),
  };
}

function family(targets: readonly TraceTarget[], refused: number): MetricFamily {
  return {
    name: 'lambdad_trace_documents_total',
    help: 'Segments for an X-Ray daemon, spans for OTLP; what functions send wrongly or too often comes to none.',
    type: 'counter',
    samples: [
      ...targets.flatMap(({ name, counts: { sent, dropped } }) => [
        { labels: { destination: name, result: 'sent' }, value: sent },
        { labels: { destination: name, result: 'dropped' }, value: dropped },
      ]),
      { labels: { destination: 'none', result: 'refused' }, value: refused },
    ],
  };
}
