/** Prometheus text format 0.0.4. */
import 'server-only';
import type { NodeReader } from './node-reader';

export interface HttpCounts {
  readonly answers: ReadonlyMap<number, number>;
  readonly streams: number;
}

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;

export function metricsText(reader: NodeReader, http: HttpCounts): string {
  const lines: string[] = [];
  const metric = (
    name: string,
    type: 'gauge' | 'counter',
    help: string,
    values: readonly (readonly [string, number])[],
  ) => {
    if (values.length === 0) return;
    lines.push(`# HELP nftscope_agent_${name} ${help}`, `# TYPE nftscope_agent_${name} ${type}`);
    for (const [labels, value] of values) lines.push(`nftscope_agent_${name}${labels} ${value}`);
  };
  const { watch, facts, state } = reader;
  const files = [...reader.held].map(([file, one]) => [`{file=${quoted(file)}}`, one] as const);
  metric('ruleset_state', 'gauge', 'State of the ruleset that is held.', [[`{state=${quoted(state)}}`, 1]]);
  metric('watching', 'gauge', '1 while changes of the ruleset are heard.', [
    ['', watch.state.state === 'watching' ? 1 : 0],
  ]);
  metric('watch_restarts_total', 'counter', 'How often the watch was lost.', [['', watch.state.restarts]]);
  metric('listings_total', 'counter', 'Listings of the ruleset.', [['', facts.listings]]);
  metric('changes_without_event_total', 'counter', 'Listings that showed a change that the watch had not told.', [
    ['', facts.changesWithoutEvent],
  ]);
  const follow = reader.follower?.facts;
  if (follow !== undefined) {
    metric('following', 'gauge', '1 while changes are worked into the listing that is held.', [
      ['', follow.isFollowing ? 1 : 0],
    ]);
    metric('followed_transactions_total', 'counter', 'Transactions that were told.', [['', follow.transactions]]);
    metric('let_go_total', 'counter', 'How often the held listing was let go.', [['', follow.letGo]]);
    metric('follow_mismatches_total', 'counter', 'Listings that differed from what had been followed.', [
      ['', follow.mismatches],
    ]);
  }
  if (facts.generation !== undefined)
    metric('ruleset_generation', 'gauge', 'Generation of the ruleset at its last change.', [['', facts.generation]]);
  metric(
    'reading_failed',
    'gauge',
    '1 where the last reading failed.',
    files.map(([labels, { reading }]) => [labels, reading.kind === 'failed' ? 1 : 0]),
  );
  metric(
    'reading_bytes',
    'gauge',
    'Size of the last reading.',
    files.map(([labels, { reading }]) => [labels, reading.kind === 'read' ? reading.content.length : 0]),
  );
  metric(
    'reading_cpu_seconds',
    'gauge',
    'Processor time of the last reading.',
    files.map(([labels, { cpuMs }]) => [labels, cpuMs / 1000]),
  );
  metric(
    'reading_wall_seconds',
    'gauge',
    'Duration of the last reading.',
    files.map(([labels, { wallMs }]) => [labels, wallMs / 1000]),
  );
  metric(
    'reading_timestamp_seconds',
    'gauge',
    'When the last reading began.',
    files.map(([labels, { capturedAt }]) => [labels, capturedAt.getTime() / 1000]),
  );
  metric(
    'http_answers_total',
    'counter',
    'Answers by status.',
    [...http.answers].map(([status, count]) => [`{status="${status}"}`, count]),
  );
  metric('event_streams', 'gauge', 'Open streams of events.', [['', http.streams]]);
  return `${lines.join('\n')}\n`;
}
