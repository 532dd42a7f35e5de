'use client';

import Link from 'next/link';
import { useMemo } from 'react';
import type { PortGraphView } from '@/lib/api/service-graphs';
import type { EndpointRow, ServicePage } from '@/lib/api/service-types';
import type { NodeSummary, SourceView } from '@/lib/api/types';
import { count } from '@/lib/explain/words';
import { FindingsOfService } from '../findings/finding-counts';
import { useFindings } from '../hooks/use-findings';
import { useIsNarrow } from '../hooks/use-media';
import { useService, useServiceGraphs, useServiceReading } from '../hooks/use-services';
import { useNames } from '../hooks/use-trace';
import { PlaceField } from '../packet-form/place-field';
import { addressOf, fromOptions, NO_NAMES } from '../packet-form/places';
import { CopyLink } from '../shell/copy';
import { ErrorState } from '../shell/error-state';
import { useKeys } from '../shell/keys';
import { NodePicker } from '../shell/node-picker';
import { ViewBar } from '../shell/shell';
import { useGoTo } from '../shell/use-place';
import { viewHref } from '../shell/views';
import { Badge, VerdictBadge } from '../ui/badge';
import { Button, buttonLook } from '../ui/button';
import { OctagonIcon, TriangleIcon } from '../ui/icons';
import { SegmentedControl, TextTwin } from '../ui/segmented-control';
import { Loading, Note, Unreadable } from '../ui/states';
import { ChainGraph } from './chain-graph';
import { ChainList } from './chain-list';
import { ChosenPart } from './chosen-part';
import { EndpointPolicies } from './endpoint-policies';
import { EndpointsTable } from './endpoints-table';
import { NodeDifferences } from './node-differences';
import { NodeMatrix } from './node-matrix';
import { askedHref, beginsOn } from './sender';
import { defaultFrom, Facts, SeeObjects, targetOf, WaysIn } from './service-facts';
import { StateMark } from './state-mark';
import { HereTrouble, NodeTrouble } from './trouble-cards';
import { elementTroubles, type Trouble, troublesOf, troubleWords } from './troubles';
import { useServiceState } from './use-service-state';
import { useWay } from './use-way';

interface DetailProps {
  readonly source: SourceView;
  readonly node: NodeSummary;
  /** `NAMESPACE/NAME` */
  readonly service: string;
}

export function ServiceDetail({ source, node, service }: DetailProps) {
  const page = useService(source.id, service);
  const [{ find }] = useServiceState();
  const findings = useFindings(source.id).data?.diagnosis?.findings;
  const troubles = useMemo(
    () => (findings === undefined || page.data === undefined ? [] : troublesOf(findings, page.data)),
    [findings, page.data],
  );
  return (
    <>
      <Bar source={source} node={node} service={service} page={page.data} troubles={troubles} find={find} />
      {page.isError && page.data === undefined ? (
        <ErrorState error={page.error} what={service} onRetry={() => void page.refetch()} />
      ) : page.data === undefined ? (
        <Loading what={`Reading ${service}`} />
      ) : (
        <Body source={source} node={node} page={page.data} troubles={troubles} service={service} />
      )}
    </>
  );
}

function Bar({
  source,
  node,
  service,
  page,
  troubles,
  find,
}: DetailProps & {
  readonly page: ServicePage | undefined;
  readonly troubles: readonly Trouble[];
  readonly find: string | null;
}) {
  const [{ from, way: chosen, port }, set] = useServiceState();
  const names = useNames(source.id, node.name).data;
  const family = page === undefined ? undefined : onlyFamily(page);
  const options = useMemo(
    () => (names === undefined ? [] : fromOptions(names, node.name, family)),
    [names, node.name, family],
  );
  // What is looked at is what is traced: the way that is shown, else the port that is drawn, else the first.
  const ways = page?.ways ?? [];
  const way =
    ways.find(({ id }) => id === chosen) ??
    ways.find((one) => `${one.port.name}/${one.port.protocol}` === port) ??
    ways[0];
  const address = addressOf(names?.nodes.find(({ name }) => name === node.name)?.addresses ?? [], family);
  const to = way === undefined || page === undefined ? undefined : targetOf(way, page, address);
  const asks = from ?? (way === undefined ? node.name : defaultFrom(way, node.name));
  return (
    <ViewBar>
      <Link href={viewHref('/service', { source: source.id, node: node.name, find })} className="link text-ink-2">
        Services
      </Link>
      <h1 className="min-w-0 break-words text-[17px] leading-6 font-[640] md:text-[18px]">{service}</h1>
      {troubleWords(troubles).map((say) => (
        <Badge key={say} tone="lost">
          <OctagonIcon size={12} />
          {say}
        </Badge>
      ))}
      {page === undefined || !isNobodyReady(page) ? null : (
        <Badge tone="lost">
          <OctagonIcon size={12} />
          {page.endpoints?.length === 0 ? 'no endpoints' : 'no endpoint is ready'}
        </Badge>
      )}
      {page === undefined ? null : <Verdict page={page} rulesOnly={troubles.length > 0 || isNobodyReady(page)} />}
      <span className="flex flex-wrap items-center gap-2 md:ml-auto">
        <PlaceField
          label="Trace from"
          end="from"
          value={from ?? asks}
          onChange={(ref) => void set({ from: ref })}
          options={options}
          names={names ?? NO_NAMES}
          address={undefined}
          className="max-md:[&>div]:border max-md:[&>div]:border-line-strong max-md:[&>div]:px-2.5"
        />
        {to === undefined ? null : (
          <Link
            href={askedHref({
              source: source.id,
              node: node.name,
              begins: beginsOn(names, asks, node.name),
              from: asks,
              to,
            })}
            className={buttonLook('ink')}
          >
            Trace
          </Link>
        )}
        <CopyLink />
      </span>
    </ViewBar>
  );
}

/** The family of a Service of one; undefined where it has both, or no address. */
function onlyFamily({ facts }: ServicePage): 'ip' | 'ip6' | undefined {
  const families = new Set(facts?.clusterIPs.map((one) => (one.includes(':') ? 'ip6' : 'ip')));
  const [only] = families;
  return families.size === 1 ? only : undefined;
}

/** Rules that refuse are as expected, and yet the Service does not work. */
const isNobodyReady = ({ endpoints, facts }: ServicePage): boolean =>
  facts !== null &&
  facts.notServed === null &&
  endpoints !== null &&
  !endpoints.some(({ ready, serving, terminating }) => ready || (serving && terminating));

/** What kube-proxy wrote: as expected everywhere, or on how many nodes it is not, or not known. */
function Verdict({ page, rulesOnly }: { readonly page: ServicePage; readonly rulesOnly: boolean }) {
  if (page.state !== 'done') return null;
  const odd = page.nodes.filter(({ state }) => state === 'differs' || state === 'missing').length;
  const unknown = page.nodes.filter(({ state }) => state === 'unknown').length;
  const of = page.nodes.length;
  if (page.facts === null)
    return odd === 0 ? null : (
      <Badge tone="depends">
        <TriangleIcon size={12} />
        gone, left on {count(odd, 'node')}
      </Badge>
    );
  if (odd > 0)
    return (
      <Badge tone="depends">
        <TriangleIcon size={12} />
        {odd} of {count(of, 'node')} {odd === 1 ? 'differs' : 'differ'}
        {unknown === 0 ? '' : `, ${unknown} not known`}
      </Badge>
    );
  if (page.facts.notServed !== null) return <Badge>no rules on nodes</Badge>;
  if (unknown > 0)
    return (
      <Badge tone="unknown">
        ? {unknown === of ? 'not known' : `as expected on ${of - unknown} of ${of} nodes, ${unknown} not known`}
      </Badge>
    );
  if (rulesOnly) return <Badge>kube-proxy’s rules as expected on {of === 1 ? 'the node' : `all ${of} nodes`}</Badge>;
  return <Badge tone="delivered">as expected on {of === 1 ? 'the node' : `all ${of} nodes`}</Badge>;
}

function Body({
  source,
  node,
  page,
  troubles,
  service,
}: DetailProps & { readonly page: ServicePage; readonly troubles: readonly Trouble[] }) {
  const [state, set] = useServiceState();
  const reading = useServiceReading(source.id, service);
  const names = useNames(source.id, node.name).data;
  const goTo = useGoTo();
  const nodeAddress = addressOf(names?.nodes.find(({ name }) => name === node.name)?.addresses ?? [], onlyFamily(page));
  const troubled = new Set(troubles.map((one) => one.node));
  const rows =
    state.odd === true
      ? page.nodes.filter(({ name, state: is }) => is !== 'expected' || troubled.has(name))
      : page.nodes;
  const graphs = useServiceGraphs(source.id, node.name, service, node.state === 'ready');
  const chosen = chosenGraph(graphs.data?.graphs ?? [], state.port, state.family);
  const ofPort = (graphs.data?.graphs ?? []).flatMap((one) =>
    chosen !== undefined && portKey(one) === portKey(chosen) ? [one.graph] : [],
  );
  const odd = page.nodes.filter(({ why, differences }) => why !== null || differences.length > 0);
  return (
    <div className="flex shrink-0 flex-col roomy:min-h-0 roomy:flex-1 lg:flex-row">
      <div className="flex shrink-0 flex-col gap-4 border-line bg-surface px-3 py-3 max-lg:border-b lg:w-[272px] lg:overflow-y-auto lg:border-r lg:px-4">
        {page.problem === null ? null : (
          <Note className="m-0!">
            {page.problem.say} {page.problem.do}
          </Note>
        )}
        {page.facts === null ? null : <Facts facts={page.facts} />}
        <WaysIn
          page={page}
          node={node.name}
          nodeAddress={nodeAddress}
          from={state.from}
          beginsOf={(from) => beginsOn(names, from, node.name)}
          chosen={state.way}
          onChoose={(way) => {
            const found = page.ways.find(({ id }) => id === way);
            const port = found === undefined ? state.port : `${found.port.name}/${found.port.protocol}`;
            void set({ way, port });
          }}
        />
        <EndpointPolicies policies={page.policies} />
        <FindingsOfService source={source.id} service={service} shown={troubles.map((one) => one.finding.id)} />
        <div>
          <SeeObjects namespace={page.namespace} name={page.name} />
        </div>
      </div>
      <div className="flex min-w-0 flex-1 flex-col gap-4 p-3 roomy:overflow-y-auto md:p-4">
        <Chains
          source={source}
          node={node}
          page={page}
          troubles={troubles}
          graphs={graphs}
          chosen={chosen}
          nodeAddress={nodeAddress}
          beginsOf={(from) => beginsOn(names, from, node.name)}
        />
        <section aria-labelledby="every-node" className="flex flex-col gap-2">
          <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <h2 id="every-node" className="font-[640]">
              On every node{' '}
              <span className="font-normal text-ink-2">what each node has against what it should have</span>
            </h2>
            {odd.length === 0 && troubles.length === 0 ? null : (
              <label className="flex items-center gap-1.5">
                <input
                  type="checkbox"
                  checked={state.odd === true}
                  onChange={(event) => void set({ odd: event.target.checked ? true : null })}
                />
                only nodes that are not as expected
              </label>
            )}
            <span className="flex flex-wrap gap-3 text-[12px] md:ml-auto" aria-hidden="true">
              <StateMark state="expected" />
              <StateMark state="differs" />
              <StateMark state="unknown" />
            </span>
          </div>
          {page.state === 'reading' ? (
            <Loading
              what="Reading nodes"
              command={source.live ? 'nft -j list ruleset' : 'decoding the listings'}
              progress={{ done: page.done, of: page.of, say: `${page.done} of ${page.of} nodes are read.` }}
              onCancel={() => reading.mutate('stop')}
              className="m-0!"
            />
          ) : null}
          {page.state === 'stopped' ? (
            <Note className="m-0!">
              {page.done} of {page.of} nodes were read.{' '}
              <button type="button" className="link text-ink" onClick={() => reading.mutate('on')}>
                Go on
              </button>
            </Note>
          ) : null}
          {rows.length === 0 ? (
            <Note className="m-0!">No node is like this.</Note>
          ) : (
            <NodeMatrix
              page={page}
              rows={rows}
              troubles={troubles}
              node={node.name}
              onNode={(name) => goTo({ node: name })}
            />
          )}
          {troubles.slice(0, MOST_ODD).map((one) => (
            <NodeTrouble key={`${one.finding.id} ${one.node}`} page={page} trouble={one} />
          ))}
          {troubles.length <= MOST_ODD ? null : (
            <p className="text-ink-2">{troubles.length - MOST_ODD} more: see the findings.</p>
          )}
          {odd.slice(0, MOST_ODD).map((row) => (
            <NodeDifferences key={row.name} source={source.id} row={row} />
          ))}
          {odd.length <= MOST_ODD ? null : (
            <details>
              <summary className="text-ink-2">{odd.length - MOST_ODD} more nodes that are not as expected</summary>
              <div className="mt-2 flex flex-col gap-2">
                {odd.slice(MOST_ODD).map((row) => (
                  <NodeDifferences key={row.name} source={source.id} row={row} />
                ))}
              </div>
            </details>
          )}
        </section>
        <section aria-labelledby="endpoints" className="flex flex-col gap-2">
          <h2 id="endpoints" className="font-[640]">
            Endpoints{' '}
            <span className="font-normal text-ink-2">
              {page.endpoints === null ? '' : endpointsWords(page.endpoints)}
            </span>
          </h2>
          {page.endpoints === null ? (
            <Unreadable
              what="EndpointSlices"
              why="The capture has none. That does not mean that there are no endpoints."
              className="m-0!"
            />
          ) : page.endpoints.length === 0 ? (
            <Note className="m-0!">{nobodyWords(page)}</Note>
          ) : (
            <EndpointsTable endpoints={page.endpoints} graphs={ofPort} node={node.name} />
          )}
        </section>
      </div>
    </div>
  );
}

function nobodyWords({ facts }: ServicePage): string {
  const none = 'No EndpointSlice of the Service names an endpoint';
  return facts === null || facts.notServed !== null ? `${none}.` : `${none}: connections to it are refused.`;
}

/** A pod with addresses of both families is one endpoint, as in the list. */
function endpointsWords(endpoints: readonly EndpointRow[]): string {
  const pods = new Set(
    endpoints.map(({ pod, addresses }) => (pod === null ? addresses[0] : `${pod.namespace}/${pod.name}`)),
  );
  const addresses = endpoints.reduce((sum, one) => sum + one.addresses.length, 0);
  return `${count(pods.size, 'endpoint')}${addresses === pods.size ? '' : `, ${addresses} addresses`}`;
}

/** Nodes whose differences are written out at once. */
const MOST_ODD = 5;

const portKey = ({ port: { port, protocol } }: PortGraphView): string => `${port}/${protocol}`;

/** The graph that the URL names; else the first of the port, or the first there is. */
function chosenGraph(
  graphs: readonly PortGraphView[],
  port: string | null,
  family: 'ip' | 'ip6' | null,
): PortGraphView | undefined {
  const ofPort = port === null ? graphs : graphs.filter((one) => portKey(one) === port);
  return ofPort.find((one) => one.family === family) ?? ofPort[0] ?? graphs[0];
}

interface ChainsProps {
  readonly source: SourceView;
  readonly node: NodeSummary;
  readonly page: ServicePage;
  readonly troubles: readonly Trouble[];
  readonly graphs: ReturnType<typeof useServiceGraphs>;
  readonly chosen: PortGraphView | undefined;
  readonly nodeAddress: string | undefined;
  readonly beginsOf: (from: string) => string;
}

/** The chains of one port on one node, as a figure or as a list. */
function Chains({ source, node, page, troubles, graphs, chosen, nodeAddress, beginsOf }: ChainsProps) {
  const [state, set] = useServiceState();
  const narrow = useIsNarrow();
  const as = state.as ?? (narrow ? 'text' : 'figure');
  useKeys('This view', [
    { keys: 't', say: 'Graph or list', run: () => void set({ as: as === 'figure' ? 'text' : 'figure' }) },
    {
      keys: 'Escape',
      say: 'Close the chosen part, then the way',
      run: () => void set(state.part === null ? { way: null } : { part: null }),
    },
  ]);
  const way = page.ways.find(({ id }) => id === state.way);
  const to = way === undefined ? undefined : targetOf(way, page, nodeAddress);
  const question =
    way === undefined || to === undefined ? undefined : { from: state.from ?? defaultFrom(way, node.name), to };
  const begins = question === undefined ? node.name : beginsOf(question.from);
  // Only NodePorts of this node come from another one as they were sent.
  const comesHere = begins === node.name || way?.kind === 'NodePort';
  const onGraph = useWay(source.id, node.name, comesHere ? question : undefined, chosen?.graph, chosen?.table ?? '');
  const all = graphs.data?.graphs ?? [];
  const ports = [...new Map(all.map((one) => [portKey(one), one])).values()];
  const families = chosen === undefined ? [] : all.filter((one) => portKey(one) === portKey(chosen));
  const part = chosen?.graph.parts.find(({ id }) => id === state.part);
  const draws = {
    page,
    troubles: useMemo(() => elementTroubles(troubles, page.ways, node.name), [troubles, page.ways, node.name]),
    selected: state.part,
    onSelect: (id: string | null) => void set({ part: id }),
    touched: onGraph.touched,
    at: onGraph.at,
  };
  return (
    <section aria-labelledby="chains" className="flex flex-col gap-2">
      <div className="flex flex-wrap items-center gap-2">
        <h2 id="chains" className="font-[640]">
          Chains
        </h2>
        {ports.length < 2 || chosen === undefined ? null : (
          <SegmentedControl
            label="Port"
            value={portKey(chosen)}
            onChange={(port) => void set({ port, part: null, way: null })}
            segments={ports.map((one) => ({
              value: portKey(one),
              label: portLabel(one, page),
            }))}
          />
        )}
        {families.length < 2 || chosen === undefined ? null : (
          <SegmentedControl
            label="Family"
            value={chosen.family}
            onChange={(family) => void set({ family, part: null })}
            segments={families.map(({ family }) => ({ value: family, label: family }))}
          />
        )}
        <NodePicker />
        <span className="ml-auto">
          <TextTwin figure="Graph" text="List" value={as} onChange={(next) => void set({ as: next })} />
        </span>
      </div>
      <HereTrouble source={source.id} service={`${page.namespace}/${page.name}`} node={node.name} troubles={troubles} />
      {question === undefined ? null : (
        <WayBar source={source} node={node} question={question} begins={begins} comesHere={comesHere} way={onGraph} />
      )}
      {node.state !== 'ready' ? (
        <Unreadable
          what={node.name}
          why={node.problem === null ? 'What its ruleset is, is not known.' : `${node.problem.say} ${node.problem.do}`}
          className="m-0!"
        />
      ) : graphs.isError ? (
        <ErrorState error={graphs.error} what={`The chains on ${node.name}`} onRetry={() => void graphs.refetch()} />
      ) : graphs.data === undefined ? (
        <Loading what={`Reading ${node.name}`} className="m-0!" />
      ) : (
        <>
          {graphs.data.problem === null ? null : (
            <p className="rounded-card border border-line-strong border-dashed bg-surface px-3 py-2 text-prose">
              Not compared: {graphs.data.problem.say} What is drawn is there; whether it should be is not known.
            </p>
          )}
          {chosen === undefined ? (
            <Note className="m-0!">{node.name} has no chain or map element of this Service.</Note>
          ) : as === 'figure' ? (
            <ChainGraph graph={chosen.graph} {...draws} />
          ) : (
            <ChainList graph={chosen.graph} {...draws} />
          )}
          {part === undefined || chosen === undefined ? null : (
            <ChosenPart page={page} node={node.name} table={chosen.table} part={part} />
          )}
        </>
      )}
    </section>
  );
}

function portLabel({ port }: PortGraphView, { facts }: ServicePage): string {
  const found = facts?.ports.find(({ name, protocol }) => name === port.port && protocol === port.protocol);
  const number = found === undefined ? '' : ` ${found.port}`;
  return `${port.port === '' ? port.protocol : port.port}${number}${found === undefined ? ' (gone)' : ''}`;
}

interface WayBarProps {
  readonly source: SourceView;
  readonly node: NodeSummary;
  readonly question: { readonly from: string; readonly to: string };
  readonly begins: string;
  /** The packet as it is sent comes to this node; else it was translated before. */
  readonly comesHere: boolean;
  readonly way: ReturnType<typeof useWay>;
}

/** The packet whose way is on the graph, and what becomes of it on this node. */
function WayBar({ source, node, question: { from, to }, begins, comesHere, way }: WayBarProps) {
  const goTo = useGoTo();
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 rounded-card border border-line bg-surface px-3 py-1.5">
      <span className="min-w-0 [overflow-wrap:anywhere]">
        {from} → {to}
      </span>
      {way.error === null ? null : <span className="text-lost">{way.error.message}</span>}
      {way.verdict === undefined ? null : <VerdictBadge verdict={way.verdict} />}
      <span className="text-ink-2" role="status">
        {!comesHere
          ? `It begins on ${begins}, which translates it: the chains of ${node.name} see what came of that.`
          : way.verdict === undefined
            ? ''
            : way.stages.length === 0
              ? 'It touches no chain of the Service.'
              : `Its way touches ${count(way.stages.length, 'place')} here.`}
      </span>
      <span className="ml-auto flex items-center gap-3">
        {comesHere ? (
          <Button look="quiet" onClick={way.play} disabled={way.stages.length === 0}>
            Play again
          </Button>
        ) : (
          <Button look="quiet" onClick={() => goTo({ node: begins })}>
            Draw {begins}
          </Button>
        )}
        <Link href={askedHref({ source: source.id, node: node.name, begins, from, to })} className="link">
          Open in Trace
        </Link>
      </span>
    </div>
  );
}
