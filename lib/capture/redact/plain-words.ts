/** Words that programs, the kernel and Kubernetes themselves use: they tell nothing of who runs the cluster. All others are names. */
import { CLUSTER_FILES, NODE_FILES } from '../../world/capture-files';

const wordsOf = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

/** Of owners and targets: kinds of Kubernetes' own API groups. */
export const KINDS = wordsOf(
  'Pod ReplicaSet ReplicationController Deployment StatefulSet DaemonSet Job CronJob Node Service Endpoints EndpointSlice Namespace',
);
export const API_GROUPS = wordsOf('apps batch discovery.k8s.io networking.k8s.io policy');

/** Of a pod, its containers and its conditions (kubelet, scheduler, controllers of Kubernetes). */
export const REASONS = wordsOf(
  'Completed Error OOMKilled ContainerCannotRun DeadlineExceeded StartError ContainerStatusUnknown ContainerCreating PodInitializing ' +
    'CrashLoopBackOff ErrImagePull ImagePullBackOff ErrImageNeverPull InvalidImageName ImageInspectError RegistryUnavailable ' +
    'CreateContainerConfigError CreateContainerError RunContainerError PreStartHookError PostStartHookError ' +
    'ContainersNotReady ContainersNotInitialized PodCompleted PodFailed ReadinessGatesNotReady Unschedulable SchedulingGated ' +
    'Evicted Preempted PreemptionByScheduler Terminated TerminationByKubelet EvictionByEvictionAPI DeletionByTaintManager NodeLost ' +
    'NodeAffinity NodeShutdown UnexpectedAdmissionError KubeletReady KubeletNotReady KubeletHasSufficientMemory ' +
    'KubeletHasInsufficientMemory KubeletHasNoDiskPressure KubeletHasDiskPressure KubeletHasSufficientPID KubeletHasInsufficientPID ' +
    'NodeStatusUnknown NodeStatusNeverUpdated RouteCreated NoRouteCreated FlannelIsUp CalicoIsUp CalicoIsDown CiliumIsUp WeaveIsUp',
);

/** Types of conditions of nodes and pods. */
export const CONDITIONS = wordsOf(
  'Ready MemoryPressure DiskPressure PIDPressure NetworkUnavailable PodScheduled Initialized ContainersReady PodReadyToStartContainers ' +
    'DisruptionTarget PodResizePending PodResizeInProgress',
);

/** Of a Service port, without the prefix of a domain. */
export const APP_PROTOCOLS = wordsOf('http https http2 h2c grpc grpc-web ws wss tcp udp sctp tls ssl dns');

/** Roles of nodes that installers give. */
export const NODE_ROLES = wordsOf(
  'control-plane master worker node etcd infra infrastructure agent edge ingress compute storage',
);

/** rt_tables: what iproute2 brings. */
export const ROUTING_TABLES = wordsOf('main local default unspec all');
/** rt_protos, and protocols of packets. */
export const PROTOCOLS = wordsOf(
  'unspec redirect kernel boot static gated ra mrt zebra bird dnrouted xorp ntk dhcp keepalived mrouted babel openr bgp isis ospf ' +
    'rip eigrp 802.1Q 802.1ad all tcp udp sctp dccp udplite icmp icmpv6 ipv6-icmp igmp gre esp ah',
);

/** Of the commands that captures are read with, whatever their order. */
const COMMAND_WORDS: ReadonlySet<string> = new Set([
  ...[...NODE_FILES, ...CLUSTER_FILES].flatMap(({ name, command }) => [name, ...command.split(/[\s,]+/)]),
  ...wordsOf(
    'GET reading redacting asking the agent iptables-nft-save ip6tables-nft-save ip6tables-legacy-save iptables-legacy-save -f -o -n -S ' +
      'ipv4 ipv6 extended timeout nftables errors.json sh -c exec',
  ),
]);
const API_PATH =
  /^\/(?:api|apis|version)(?:\/(?:v1|(?:discovery|networking)\.k8s\.io|services|endpointslices|nodes|pods|namespaces|networkpolicies|servicecidrs|configmaps|kube-system|kube-proxy))*$/;

/** Whether it is one of the commands that captures are read with: nobody's paths or names are in it. */
export const isPlainCommand = (command: string): boolean =>
  command.split(/[\s,]+/).every((word) => COMMAND_WORDS.has(word) || API_PATH.test(word));

const PHRASE =
  /(?:command )?not found|stopped after \d+ s|No such file or directory|Operation not permitted|Permission denied|Segmentation fault/;
/** What nft and conntrack say around those. */
const ERROR_WORDS = wordsOf(
  'netlink Error cache initialization failed you must be root line core dumped to do this or get CAP_NET_ADMIN capability sorry ' +
    'Operation conntrack-tools',
);

/** A line that a program said: of others than those of the system only how it failed. */
export function plainError(line: string): string {
  const said = PHRASE.exec(line)?.[0];
  const others = line.replace(PHRASE, ' ').split(/[\s:;,()'"]+/);
  const isPlain = (word: string) =>
    word === '' || ERROR_WORDS.has(word) || COMMAND_WORDS.has(word) || /^v?[\d.]+$/.test(word);
  if (others.every(isPlain)) return line;
  return said === undefined ? 'redacted' : `redacted: ${said}`;
}
