/** The help texts: what each command does, its options, its exit statuses. */
import 'server-only';
import { ADDRESS_FORMS, PLACE_FORMS, SERVICE_FORMS } from '@/lib/cluster/place';
import { CliError } from './cli-error';

export const HELP = `nftscope: what will this node's nftables do to a packet, and why?

  nftscope trace    one packet's way through a node; or many recorded cases
  nftscope verify   the same packet through this kernel, and whether the trace agrees
  nftscope reach    connections over a whole capture, from node to node and back
  nftscope render   a listing of nft -j as the text nft prints
  nftscope show     tables, chains, sets, hooks of a node
  nftscope serve    the web application
  nftscope agent    answers for one node over HTTP
  nftscope capture  writes a source as a capture, or prints a script that does so on a node
  nftscope expected what kube-proxy should have written on a node
  nftscope debug-pod a pod that can read a node, for you to run
  nftscope drift    where a node's tables differ from that
  nftscope diagnose what is wrong in a capture: findings with evidence, a way to see them and a remedy
  nftscope conflicts base chains of two owners whose order matters, with a packet that proves it
  nftscope help COMMAND

A source (--source) is a capture bundle (folder or .tar.gz), a file with the output of nft -j list ruleset, "host" for this host, or
"cluster" or "cluster:CONTEXT" for a cluster of the kubeconfig (docs/cluster.md).
Exit status: 0 done, 1 the answer is bad news (where the command says so), 2 wrong usage or input, 3 nftscope itself failed.
Errors go to standard error with a stable code, and as JSON with -o json (docs/cli.md).
`;

const TRACE = `nftscope trace: the way of one packet

  nftscope trace --source S [--node N] --from REF --to REF [--protocol P] [--sport N] [--dport N] [--flags syn,ack] [--family 4|6]
  nftscope trace --source S [--node N] --packet JSON
  nftscope trace --source S --whole-path [--node N] --from REF|every-node --to REF [--protocol P] [--dport N] [--family 4|6]
  nftscope trace --cases FILE|- [--environments FILE]

  --source S            bundle (folder, .tar.gz), nft -j listing, or "host"
  --node N              node of the source; may be left out where there is one
  --from REF            ${PLACE_FORMS}
  --to REF              the same, pods and nodes also with :PORT[/PROTOCOL];
                        ${SERVICE_FORMS};
                        ${ADDRESS_FORMS}
  --protocol P          tcp, udp, sctp, icmp, … in any case, or a number (default: that of the target, else tcp)
  --sport N, --dport N  ports (default 40000, and that of the target)
  --flags LIST          TCP flags (default syn)
  --family 4|6          where both places have addresses of both families
  --whole-path          follows the packet from node to node to whoever answers, and the answer back the whole way; --node is the
                        node by which packets from outside enter. Nodes that are not captured are taken to forward unfiltered
  --from every-node     a process and a pod of each node ask in turn; those with the same outcome stand together
  --packet JSON         the packet's fields (docs/cases.md); with --from and --to its members override theirs. "-" reads standard input
  --branch N            the steps of branch N, from 1, where chance decides (default: of the first branch of each verdict)
  --what-would-deliver  where it does not arrive: single changes of what stands on its way that would let it through, smallest first,
                        each traced anew; nothing is applied
  -o, --output text|json  (default text); the JSON has all branches
  --cases FILE|-        JSON lines of cases (docs/cases.md, also .gz): one line {"id", "results": […]} each
  --environments FILE   environments by name (default: environments.json beside the cases)

Exit status: 0 the packet arrives, on every branch; 1 it is dropped, rejected, lost or undecided on some branch,
or the capture lacks the objects that --from or --to name; 2 wrong usage or input.
With --cases: 0 all cases were answered; 2 some could not be: their line is {"id", "results": [], "error": {"code", "message"}}.
`;

const VERIFY = `nftscope verify: does the trace agree with a kernel?

  nftscope verify --source S [--node N] --from REF --to REF [--protocol P] [--sport N] [--dport N] [--flags syn,ack] [--family 4|6]
  nftscope verify --source S [--node N] --packet JSON

Builds the captured node (interfaces, addresses, routes, neighbours, settings, ruleset) in network namespaces of its own, sends the packet,
reads the kernel's trace and compares it with ours, rule for rule. Where chance decides it sends the packet until every branch was taken, at
most 24 times. Needs Linux, root, nft, ip and python3. Nothing of the host is changed, and all of it is gone afterwards, also after Ctrl-C.
What cannot be rebuilt exactly is "not replayable", with the reason (docs/trace.md).

  the packet            as for nftscope trace
  -o, --output text|json  (default text)

Exit status: 0 agrees; 1 diverges, or is not replayable; 2 wrong usage or input, or this machine cannot replay.
`;

const REACH = `nftscope reach: connections over a whole capture, from node to node to whoever answers, and back

  nftscope reach --source S --queries FILE|-

  --source S        bundle (folder, .tar.gz) with its nodes and the cluster's objects
  --queries FILE|-  JSON lines {"id", "from", "srcIP", "via", "dstNode", "dst", "dport", "protocol"} (also .gz); from is {"node"},
                    {"pod": "NAMESPACE/NAME"} or "external". External traffic enters by via, else dstNode, else the owner of dst

One line each: {"id", "result", "results", "backends", "sourceSeenByBackend", "node", "by", "assumed"}. result is the likeliest word of
ok, refused, timeout, eperm (enetunreach, …), icmp-…, icmp6-…; results has them all with probabilities. {"id", "undecided":
[reason, …]} where the answer lies outside the capture.

Exit status: 0 all questions were answered; 2 some could not be: their line is {"id", "results": [], "error": {"code", "message"}}.
`;

const RENDER = `nftscope render: a ruleset as nft list ruleset prints it

  nftscope render [--handles] FILE|-
  nftscope render [--handles] --source S [--node N]
  nftscope render --cases FILE|-

  --handles     with handles, as nft -a
  --source S    bundle (folder, .tar.gz), nft -j listing, or "host"
  --node N      node of the source; may be left out where there is one
  -o, --output text|json  (default text; json: {"text", "textHandles"}, and "lacks" where facts are missing)
  --cases FILE  JSON lines {"id", "nftVersion", "loadedBy", "json"} (also .gz): one line {"id", "nftVersion", "loadedBy", "text", "textHandles"} each

What nft left out of the JSON and no nft.txt gives, such as the devices of netdev chains before 1.1, is told on standard error.

Exit status: 0 done; 2 wrong usage or input, or a case could not be rendered: its line is {"id", "results": [], "error": {"code", "message"}}.
`;

const SHOW = `nftscope show: the model of a node for a terminal

  nftscope show --source S                            the source and its nodes
  nftscope show --source S --node N tables            (default)
  nftscope show --source S --node N chains [TABLE]
  nftscope show --source S --node N sets [TABLE]
  nftscope show --source S --node N hooks
  nftscope show --source S --node N set TABLE NAME
  nftscope show --source S --node N chain TABLE NAME

  TABLE is named with its family, "ip kube-proxy"; the family may be left out where one table has the name.
  -o, --output text|json  (default text)

Exit status: 0 done; 1 the node is unreadable, or nothing is known about its rules; 2 wrong usage or input.
`;

const SERVE = `nftscope serve: the web application

  nftscope serve [--port 3000] [--host 127.0.0.1] [--source S …]
  nftscope serve --kubeconfig F | --context C … | --in-cluster [--read-by agent|exec|NODE=exec …]

  --port N      (default 3000)
  --host H      address to listen on (default 127.0.0.1: nobody else on the network sees the rulesets)
  --source S    captures to open, also as arguments, or cluster:CONTEXT; without any: the demo capture, and this host when nft answers
  --allow-replay   let the server replay packets in network namespaces of its own (needs root)

Clusters (docs/cluster.md):
  --kubeconfig F       (default: KUBECONFIG, else ~/.kube/config); --context C may be repeated (default: the current one)
  --in-cluster         by the service account of this pod
  --read-by WAY        auto (the agent, else a pod with nft), agent or exec; NODE=WAY for one node; may be repeated
  --agents NS/NAME     DaemonSet of the agents (default: nftscope/nftscope-agent); no other pod gets the token
  --exec-in NS/NAME    DaemonSet whose pods have nft (default: kube-proxy's pods in kube-system)
  --debug-in NS        namespace of debug pods (default: kube-system)
  --agent-token-file F   token for the agents; read again when it changes
  --agent-ca-file F, --agent-server-name N   ask agents directly over TLS instead of through the API server (in the cluster)

Exit status: 0 ended by a signal; 2 wrong usage, or the web application is not built.
`;

const AGENT = `nftscope agent: reads one node and answers for it over HTTP (docs/agent.md)

  nftscope agent --auth kubernetes --address A --tls-cert F --tls-key F [--host-root DIR]
  nftscope agent --token-file F [--address A --tls-cert F --tls-key F]

  --address A           to listen on (default 127.0.0.1); --port N (default 9632, 0: any)
  --node-name N         (default NODE_NAME of the environment, else the host's name)
  --auth kubernetes     the API server checks each token, for --audience A (default nftscope-agent; may be repeated)
  --token-file F        or a file does: one token a line
  --insecure-anonymous  or nobody does: on loopback addresses only
  --tls-cert F --tls-key F   PEM; read again when they change
  --insecure-http       without TLS on another address than loopback
  --host-root DIR       the node's file system: its nft is tried beside the image's (chroot DIR nft)
  --nft PROGRAM         the image's (default nft)
  --time-limit SECONDS, --byte-limit BYTES   of one command (default 60, 256000000)
  --prove-every SECONDS lists anew although nothing is in doubt (default 600)
  --no-follow           lists at each change, instead of working it into the listing that is held
  --api-server URL, --service-account DIR    (default: those of the pod)

Only reads. Exit status: 0 ended by a signal; 2 wrong usage.
`;

const CAPTURE = `nftscope capture: writes a source as a capture (docs/captures.md), or prints a script that does so on a node

  nftscope capture --source S [--node N …] [--redact] -o FOLDER|FILE.tar.gz
  nftscope capture --script

  --source S    bundle (folder, .tar.gz), nft -j listing, "host", or cluster:CONTEXT
  --node N      only this node; may be repeated (default: all)
  -o, --output  a new folder, or a new archive; one that was begun is continued, and what is in it is kept
  --redact      other names and addresses, the same for the same, so that every trace ends as before (docs/captures.md)
  --redact-key FILE   the secret that makes them; made where it is not there (default: one of its own, gone when all is written)
  --script      one POSIX sh script for a node without nftscope: needs nft and ip; its first lines say how it is used

Of the cluster's objects only named fields are written: no Secrets, tokens, environments, volumes, and of annotations few.
Progress goes to standard error, the name of what was written to standard output.

Exit status: 0 all is written; 1 nodes, lists or rulesets could not be read and are named, or it was stopped: the same command goes on;
2 wrong usage or input.
`;

const EXPECTED = `nftscope expected: the tables that kube-proxy (nftables mode, 1.31 or later) should have written on a node

  nftscope expected --source S [--node N] [-o nft|json]
  nftscope expected --cases FILE|-

  --source S    bundle (folder, .tar.gz) with Services, EndpointSlices and the node's ruleset
  --node N      node of the source; may be left out where there is one
  -o, --output nft|json  a text that nft -f loads (default), or the listing of nft -j of 1.0.6, without handles
  --cases FILE  JSON lines {"name", "config", "services", "endpointSlices"} (docs/expected.md, also .gz): one line
                {"name", "rulesetJson"} each

The configuration of kube-proxy is read back from the node's tables, or from those of another node. What was taken from where is
said on standard error.

Exit status: 0 done; 2 wrong usage or input, or it cannot be computed; a case that cannot is {"name", "error": {"code", "message"}}.
`;

const DEBUG_POD = `nftscope debug-pod: a pod that can read a node where no agent and no kube-proxy can

  nftscope debug-pod NODE [--namespace NS] [--image IMAGE] [--context CONTEXT] [--manifest]

Prints what to run; nftscope itself creates nothing. While the pod runs, nftscope reads the node through it (docs/cluster.md).

  --namespace NS   (default kube-system, or NFTSCOPE_DEBUG_IN); in another one it is asked with serve --debug-in NS
  --image IMAGE    with nft, ip, conntrack, sh and sleep
  --manifest       the manifest alone

Exit status: 0 done; 2 wrong usage.
`;

const DRIFT = `nftscope drift: kube-proxy's tables against what it should have written

  nftscope drift --source S [--node N] [--service NAMESPACE/NAME]

  --source S    bundle (folder, .tar.gz) with Services, EndpointSlices and nodes
  --node N      only this node (default: all)
  --service S   only what concerns this Service, or all Services
  -o, --output text|json  (default text)

By Service: what should be there (-) and what is (+), and what makes such a difference. What differs and is as it should be stands
under "normal": empty chains that wait to be deleted, addresses between two full syncs. Clients in affinity sets are not compared.

Exit status: 0 no difference; 1 there is one, or nothing is known of a node's rules; 2 wrong usage or input. A node whose kube-proxy
is in another mode is not compared.
`;

const DIAGNOSE = `nftscope diagnose: what is wrong in a capture

  nftscope diagnose --source S [--node N] [--service NAMESPACE/NAME]
  nftscope diagnose --source S [--node N] --from REF --to REF [--protocol P] [--dport N] [--family 4|6]
  nftscope diagnose --source S --ask JSON

  --source S    bundle (folder, .tar.gz), nft -j listing, "host", or a cluster
  --node N      only what touches this node (default: all)
  --service S   only what touches this Service
  --ask JSON    a connection that fails: {"from": "shop/web-1" | "node-1" | "external", "srcIP", "node", "dst", "dport", "protocol"};
                some findings are about such a connection only
  --from REF, --to REF, …  the same by names, as trace takes them; with a client from outside --node is where its packets come in
  -o, --output text|json  (default text)

With a connection its end is told first, and the findings that explain it come before the others.
Findings have stable codes (docs/findings.md). The most serious root cause comes first, followed by what follows from it.

Exit status: 0 no finding of severity error; 1 there is one; 2 wrong usage or input.
`;

const CONFLICTS = `nftscope conflicts: base chains of two owners whose order matters, each with a packet that proves it

  nftscope conflicts --source S [--node N]

  --source S    bundle (folder, .tar.gz), nft -j listing, or "host"
  --node N      only this node (default: all)
  -o, --output text|json  (default text)

For every two chains of different owners that meet at a hook, a packet is searched for that ends differently when the two change
places. Without one nothing is claimed; where the search was ended early, that is said (docs/conflicts.md).

Exit status: 0 no conflict was found; 1 there is one, or nothing is known of a node's rules; 2 wrong usage or input.
`;

const TEXTS: ReadonlyMap<string, string> = new Map([
  ['trace', TRACE],
  ['verify', VERIFY],
  ['reach', REACH],
  ['render', RENDER],
  ['show', SHOW],
  ['serve', SERVE],
  ['agent', AGENT],
  ['capture', CAPTURE],
  ['expected', EXPECTED],
  ['drift', DRIFT],
  ['diagnose', DIAGNOSE],
  ['conflicts', CONFLICTS],
  ['debug-pod', DEBUG_POD],
]);

export function helpFor(command: string | undefined): string {
  if (command === undefined || command === 'help') return HELP;
  const text = TEXTS.get(command);
  if (text === undefined) throw CliError.usage(`There is no command ${JSON.stringify(command)}.`);
  return text;
}
