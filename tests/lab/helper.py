#!/usr/bin/env python3
"""The kernel's side of the laboratory: a router in a network namespace, driven by JSON lines.

Reads one JSON request a line on standard input and writes one JSON answer a line on standard output (see `OPERATIONS` at the end).
Everything happens in two namespaces, nftscope-lab-PID-router and nftscope-lab-PID-peers, which go away when the input ends. Needs
root, nft, ip and bridge; Python's standard library only.

The router is traced through tables of its own (named TRACER) whose chains come first on every way into the node and whose events
are marked so that the comparison can leave them out. Message formats: include/uapi/linux/netfilter/nf_tables.h (NFTA_TRACE_*) and
nfnetlink_conntrack.h (CTA_*).
"""
import ctypes
import errno
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time

TRACER = "nftscope_lab"
# What every packet of the router's own meets first. Its questions about neighbours go no further: rules would count them, and whether
# and when one is asked depends on what was sent before.
OUT = ["meta nftrace set 1", "icmpv6 type nd-neighbor-solicit ip6 daddr ff02::1:ff00:0/104 drop"]
# So many messages of one packet are a storm.
STORM = 5000
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
SOL_NETLINK = 270
NETLINK_NETFILTER = 12
NFNLGRP_NFTRACE = 9
ETH_P_ALL = 3

# name, MAC of the router's end; the peer's end has the last byte 2
DEVICES = [
    ("eth0", "02:00:00:00:01:01"),
    ("eth1", "02:00:00:00:02:01"),
    ("eth2", "02:00:00:00:03:01"),
    ("vip0", "02:00:00:00:05:01"),
    ("brp0", "02:00:00:00:06:01"),
    ("brp1", "02:00:00:00:07:01"),
]
ADDRESSES = [
    ("lo", ["10.255.255.1/32", "fd00:255::1/128"]),
    ("br0", ["10.0.4.1/24", "fd00:4::1/64"]),
    ("eth0", ["10.0.1.1/24", "fd00:1::1/64"]),
    ("eth1", ["10.0.2.1/24", "10.0.2.11/24", "fd00:2::1/64", "fd00:2::11/64"]),
    ("eth2", ["10.0.3.1/24", "fd00:3::1/64"]),
    ("vip0", ["172.30.0.1/24", "fd00:30::1/64"]),
]
ROUTES = [
    "10.244.0.0/24 via 10.0.1.10",
    "10.244.1.0/24 via 10.0.2.10",
    "10.244.2.0/24 via 10.0.3.10",
    "unreachable 192.168.66.0/24",
    "blackhole 192.168.67.0/24",
    "prohibit 192.168.68.0/24",
    "unreachable fd00:66::/64",
    "blackhole fd00:67::/64",
    "prohibit fd00:68::/64",
    "fd00:244::/64 via fd00:1::10",
    "fd00:244:1::/64 via fd00:2::10",
    "fd00:244:2::/64 via fd00:3::10",
]
DEFAULTS = ["default via 10.0.2.254", "default via fd00:2::fe"]
POLICY = [
    "-4 route add default via 10.0.3.254 table 100",
    "-4 route add local default dev lo table 101",
    "-4 route add blackhole default table 102",
    "-6 route add default via fd00:3::fe table 100",
    "-6 route add local default dev lo table 101",
    "-6 route add blackhole default table 102",
] + [
    f"-{v} rule add {r}"
    for v, rules in (
        (4, ["pref 1000 fwmark 1 table 100", "pref 1010 fwmark 2/0xff table 101", "pref 1020 from 10.0.1.128/25 table 100", "pref 1030 iif vip0 table 102"]),
        (6, ["pref 1000 fwmark 1 table 100", "pref 1010 fwmark 2/0xff table 101", "pref 1020 from fd00:1::8000/113 table 100"]),
    )
    for r in rules
]
SYSCTLS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.eth0.rp_filter": 0,
    "net.ipv4.conf.eth1.rp_filter": 0,
    "net.ipv4.conf.eth2.rp_filter": 0,
    "net.ipv4.conf.all.route_localnet": 0,
    "net.ipv4.conf.all.accept_local": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.ip_nonlocal_bind": 0,
    "net.ipv4.fwmark_reflect": 0,
    "net.ipv4.icmp_echo_ignore_broadcasts": 1,
    "net.ipv4.icmp_ratelimit": 0,
    "net.ipv6.conf.all.forwarding": 1,
    "net.bridge.bridge-nf-call-iptables": 0,
    "net.bridge.bridge-nf-call-ip6tables": 0,
    "net.bridge.bridge-nf-call-arptables": 0,
    "net.netfilter.nf_conntrack_max": 262144,
    "net.netfilter.nf_conntrack_tcp_loose": 1,
    "net.netfilter.nf_conntrack_tcp_be_liberal": 0,
    "net.netfilter.nf_conntrack_checksum": 1,
}
# Not part of the environment: keeps the laboratory quiet and unlimited.
QUIET = {
    "net.ipv4.icmp_msgs_per_sec": 1000000,
    "net.ipv4.icmp_msgs_burst": 1000000,
    # With icmp_ratelimit 0 a limited message empties the bucket that answers to unroutable packets draw on (inet_peer_xrlim_allow).
    "net.ipv4.icmp_ratemask": 0,
    "net.ipv4.tcp_synack_retries": 0,
    "net.ipv4.tcp_invalid_ratelimit": 0,
    "net.ipv4.tcp_challenge_ack_limit": 1000000,
    "net.ipv6.icmp.ratelimit": 0,
    "net.ipv6.mld_qrv": 1,
    "net.ipv4.conf.default.send_redirects": 0,
}
ENVIRONMENTS = {
    "base": {},
    "bridge-nf": {"net.bridge.bridge-nf-call-iptables": 1, "net.bridge.bridge-nf-call-ip6tables": 1},
    "localnet": {"net.ipv4.conf.all.route_localnet": 1, "net.ipv4.conf.all.accept_local": 1},
    "no-default": {},
    "no-forward": {"net.ipv4.ip_forward": 0, "net.ipv6.conf.all.forwarding": 0},
    "policy-routing": {},
    "rp-strict": {"net.ipv4.conf.all.rp_filter": 1},
}
SOCKETS = {"tcpListen": [8080, 53, 8081], "udpBound": [53, 5353, 8081], "transparent": [8081]}

FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
VERDICTS = {-1: "continue", -2: "break", -3: "jump", -4: "goto", -5: "return", 0: "drop", 1: "accept", 2: "stolen", 3: "queue"}
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 47: "gre", 58: "icmpv6", 132: "sctp", 136: "udplite"}
TCP_STATES = ["NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2"]
# enum ip_conntrack_status
STATUS = ["expected", "seen-reply", "assured", "confirmed", "src-nat", "dst-nat", "seq-adjust", "src-nat-done", "dst-nat-done", "dying", "fixed-timeout", "template", "nat-clash", "helper", "offload", "hw-offload"]
CT_STATES = {1 << 0: "invalid", 1 << 6: "untracked", 2: "established", 4: "related", 8: "new"}


def run(*argv, **kw):
    return subprocess.run(argv, stdin=kw.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


def must(line):
    done = run(*line.split())
    if done.returncode != 0:
        raise RuntimeError(f"{line}: {done.stderr.decode().strip()}")


def sysctl(key, value):
    path = "/proc/sys/" + key.replace(".", "/")
    with open(path) as f:
        if f.read().strip() == str(value):
            return
    with open(path, "w") as f:
        f.write(str(value))


def setns(name):
    with open(f"/run/netns/{name}") as f:
        if LIBC.setns(f.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def attributes(data):
    """Netlink attributes by type; nested ones are left as bytes."""
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def text(b):
    return b.rstrip(b"\0").decode()


def messages(data):
    at = 0
    while at + 16 <= len(data):
        length, kind, flags, seq, pid = struct.unpack_from("=IHHII", data, at)
        if length < 16:
            break
        yield kind, data[at + 16 : at + length]
        at += (length + 3) & ~3


class Lab:
    def __init__(self, suffix=""):
        base = f"nftscope-lab-{os.getpid()}{suffix}"
        self.router, self.peers = f"{base}-router", f"{base}-peers"
        self.listeners = []
        self.captures = {}
        self.environment = "base"
        self.tables = []
        self.fragments = set()
        self.too_big = False

    # Namespaces

    def build(self):
        must(f"ip netns add {self.peers}")
        must(f"ip netns add {self.router}")
        setns(self.peers)
        for key in ("net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.default.disable_ipv6"):
            sysctl(key, 1)
        setns(self.router)
        sysctl("net.ipv6.conf.default.addr_gen_mode", 1)
        sysctl("net.ipv6.conf.default.accept_dad", 0)
        must("ip link set lo up")
        must("ip link add br0 address 02:00:00:00:04:01 type bridge forward_delay 0 mcast_snooping 0")
        sysctl("net.ipv6.conf.br0.addr_gen_mode", 1)
        for name, mac in DEVICES:
            peer = mac[:-1] + "2"
            must(f"ip link add {name} address {mac} type veth peer name p-{name} address {peer} netns {self.peers}")
            sysctl(f"net.ipv6.conf.{name}.addr_gen_mode", 1)
            if name.startswith("brp"):
                must(f"ip link set {name} master br0")
            must(f"ip link set {name} up")
        setns(self.peers)
        for name, _ in DEVICES:
            must(f"ip link set p-{name} up")
            # Generic segmentation and checksum offload stay inside the machine; frames are sent with everything filled in.
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(ETH_P_ALL))
            s.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)  # SO_RCVBUFFORCE
            s.bind((f"p-{name}", ETH_P_ALL))
            self.captures[name] = s
        setns(self.router)
        must("ip link set br0 up")
        for dev, list_ in ADDRESSES:
            for a in list_:
                must(f"ip addr add {a} dev {dev}" + (" nodad" if ":" in a else ""))
        for r in ROUTES:
            must(f"ip route add {r}" if ":" not in r else f"ip -6 route add {r}")
        self.neighbours()
        must(f"bridge fdb add 02:00:00:00:06:02 dev brp0 master static")
        must(f"bridge fdb add 02:00:00:00:07:02 dev brp1 master static")
        for key, value in {**SYSCTLS, **QUIET}.items():
            try:
                sysctl(key, value)
            except OSError:
                if key in SYSCTLS and not key.startswith("net.bridge") and key != "net.netfilter.nf_conntrack_max":
                    raise
        self.defaults(True)
        self.no_redirects()
        # Group membership reports of the new addresses come within a second.
        time.sleep(1.2)
        self.tracer()
        self.trace = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_NETFILTER)
        self.trace.setsockopt(socket.SOL_SOCKET, 33, 1 << 25)
        self.trace.bind((0, 0))
        self.trace.setsockopt(SOL_NETLINK, 1, NFNLGRP_NFTRACE)
        self.query = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.query.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)
        self.query.settimeout(5)
        self.query.bind((0, 0))

    def no_redirects(self):
        """Redirects are limited in number: whether one is sent depends on what was sent before."""
        for dev in [d for d, _ in DEVICES] + ["br0", "lo"]:
            sysctl(f"net.ipv4.conf.{dev}.send_redirects", 0)

    def neighbours(self):
        hosts = {
            ("eth0", 1): [2, 3, 4, 5, 9, 10, 130, 254],
            ("eth1", 2): [2, 3, 4, 5, 9, 10, 130, 254] + list(range(100, 111)),
            ("eth2", 3): [2, 3, 4, 5, 9, 10, 130, 254],
        }
        lines = []
        for (dev, n), last in hosts.items():
            for k in last:
                lines.append(f"10.0.{n}.{k} lladdr 02:00:00:00:0{n}:02 dev {dev}")
            six = ["2", "3", "4", "5", "10", "fe", "8002"] + ([f"{k:x}" for k in range(0x100, 0x111)] if n == 2 else [])
            for k in six:
                lines.append(f"fd00:{n}::{k} lladdr 02:00:00:00:0{n}:02 dev {dev}")
        for k in (2, 3, 10):
            lines.append(f"172.30.0.{k} lladdr 02:00:00:00:05:02 dev vip0")
            lines.append(f"fd00:30::{k} lladdr 02:00:00:00:05:02 dev vip0")
        for k in (2, 3, 4, 5, 9, 10, 130, 254):
            lines.append(f"10.0.4.{k} lladdr 02:00:00:00:0{7 if k in (3, 5) else 6}:02 dev br0")
        for k in ("2", "3", "4", "5", "10", "fe", "8002"):
            lines.append(f"fd00:4::{k} lladdr 02:00:00:00:0{7 if k in ('3', '5') else 6}:02 dev br0")
        batch = "".join(f"neigh add {l} nud permanent\n" for l in lines)
        done = subprocess.run(["ip", "-batch", "-"], input=batch.encode(), stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode())

    def defaults(self, wanted):
        for r in DEFAULTS:
            run(*f"ip {'-6' if ':' in r else '-4'} route {'replace' if wanted else 'del'} {r}".split())

    def switch(self, name):
        """Turns the router into another environment."""
        if name == self.environment:
            return
        if self.environment == "policy-routing":
            for line in reversed(POLICY):
                must("ip " + line.replace(" add ", " del "))
        if name == "policy-routing":
            for line in POLICY:
                must("ip " + line)
        self.defaults(name != "no-default")
        for key, value in {**SYSCTLS, **ENVIRONMENTS[name]}.items():
            try:
                sysctl(key, value)
            except OSError:
                if key in ENVIRONMENTS[name]:
                    raise
        # Turning forwarding on and off resets what depends on it.
        for key in ("net.ipv4.conf.all.send_redirects", "net.ipv4.conf.all.rp_filter"):
            sysctl(key, {**SYSCTLS, **ENVIRONMENTS[name]}[key])
        self.no_redirects()
        self.environment = name

    def dump(self):
        """The router as an environment of the recorded cases."""
        def js(*argv):
            out = run("ip", "-j", *argv).stdout.decode()
            return json.loads(out) if out.strip() else []

        lines = []
        for key in [*SYSCTLS, *(f"net.ipv4.conf.{dev}.send_redirects" for dev in [d for d, _ in DEVICES] + ["br0"])]:
            path = "/proc/sys/" + key.replace(".", "/")
            if os.path.exists(path):
                with open(path) as f:
                    lines.append(f"{key} = {f.read().strip()}")
        return {
            "addr": js("addr", "show"),
            "link": js("-d", "link", "show"),
            "route4": js("-4", "route", "show", "table", "all"),
            "route6": js("-6", "route", "show", "table", "all"),
            "rule4": js("-4", "rule", "show"),
            "rule6": js("-6", "rule", "show"),
            "neigh": [n for n in js("neigh", "show") if "PERMANENT" in n["state"]],
            "sysctl": "\n".join(lines) + "\n",
            "sockets": SOCKETS,
            "neighboursComplete": True,
        }

    def tracer(self):
        devices = ", ".join(f'"{d}"' for d, _ in DEVICES)
        # What counts as delivered passed the confirmation of its connection too, which may drop it: that has this number as well and
        # is registered later, with the first rule that asks for a connection, so it runs before these chains.
        lowest, highest = -2147483648, 2147483647
        rules = f"""
table netdev {TRACER} {{
 chain in {{ type filter hook ingress devices = {{ {devices} }} priority {lowest}; policy accept; meta nftrace set 1; }}
}}
table inet {TRACER} {{
 chain out {{ type filter hook output priority {lowest}; policy accept; {"; ".join(OUT)}; }}
 chain delivered {{ type filter hook input priority {highest}; policy accept; }}
 chain passed {{ type filter hook postrouting priority {highest}; policy accept; }}
 chain active {{ ct state new counter; }}
}}
table arp {TRACER} {{
 chain out {{ type filter hook output priority {lowest}; policy accept; meta nftrace set 1; arp operation request drop; }}
}}
"""
        done = subprocess.run(["nft", "-f", "-"], input=rules.encode(), stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise RuntimeError("tracer: " + done.stderr.decode())

    # Sockets of the router

    def listen(self):
        for s in self.listeners:
            s.close()
        self.listeners = []
        for kind, ports in ((socket.SOCK_STREAM, SOCKETS["tcpListen"]), (socket.SOCK_DGRAM, SOCKETS["udpBound"])):
            for port in ports:
                for family in (socket.AF_INET, socket.AF_INET6):
                    s = socket.socket(family, kind | socket.SOCK_NONBLOCK)
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    if family == socket.AF_INET6:
                        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    if port in SOCKETS["transparent"]:
                        if family == socket.AF_INET6:
                            s.setsockopt(socket.IPPROTO_IPV6, 75, 1)  # IPV6_TRANSPARENT
                        else:
                            s.setsockopt(socket.SOL_IP, 19, 1)  # IP_TRANSPARENT
                    s.bind(("", port) if family == socket.AF_INET else ("::", port))
                    if kind == socket.SOCK_STREAM:
                        s.listen(64)
                    self.listeners.append(s)

    # Operations

    def op_setup(self, request):
        return {
            "kernel": os.uname().release,
            "nft": run("nft", "--version").stdout.decode().strip(),
            "environments": list(ENVIRONMENTS),
        }

    def op_environment(self, request):
        self.switch(request["name"])
        return {"environment": self.dump()}

    def clear(self):
        batch = "".join(f"delete table {t}\n" for t in reversed(self.tables))
        if batch:
            done = subprocess.run(["nft", "-f", "-"], input=batch.encode(), stderr=subprocess.PIPE)
            if done.returncode != 0:
                raise RuntimeError("clear: " + done.stderr.decode())
        self.tables = []
        self.forget_neighbours()
        self.forget_fragments()
        self.flush_conntrack()
        if self.too_big:
            # What an error said of the largest packet to a machine outlives the case.
            self.too_big = False
            for family in ("-4", "-6"):
                run("ip", family, "route", "flush", "cache")

    def forget_fragments(self):
        """Fragments wait 30 seconds for the rest of their packet: a case that runs again would find its own."""
        for iif, ether, head, ident in self.fragments:
            if ident is None:
                # One of IPv4 that carries nothing ends the packet.
                header = b"\x45" + head[1:2] + struct.pack(">H", 20) + head[4:6] + b"\0\1" + head[8:10] + b"\0\0" + head[12:20]
                total = sum(struct.unpack(">10H", header))
                total = (total & 0xFFFF) + (total >> 16)
                total = (total & 0xFFFF) + (total >> 16)
                frame = header[:10] + struct.pack(">H", total ^ 0xFFFF) + header[12:]
            else:
                # One of IPv6 whose end is no multiple of eight, though it is not the last, does so too.
                frame = head[:4] + struct.pack(">HBB", 9, 44, 64) + head[8:40] + struct.pack(">BBHI", 17, 0, 8 | 1, ident) + b"\0"
            self.captures[iif].send(ether + frame)
        if self.fragments:
            self.fragments.clear()
            self.drain(0.002)

    def forget_neighbours(self):
        """Packets that wait for a neighbour leave now, with no ruleset in place: seconds later each would be an ICMP error."""
        waiting = [n for n in json.loads(run("ip", "-j", "neigh", "show").stdout or b"[]") if "PERMANENT" not in n["state"]]
        for step in ("replace {dst} lladdr 02:00:00:00:09:09 dev {dev} nud permanent", "del {dst} dev {dev}"):
            batch = "".join(f"neigh {step.format(**n)}\n" for n in waiting)
            if batch:
                subprocess.run(["ip", "-batch", "-"], input=batch.encode(), stderr=subprocess.DEVNULL)

    def listing(self):
        done = run("nft", "-j", "list", "ruleset")
        if done.returncode != 0:
            return None
        objects = json.loads(done.stdout)["nftables"]
        kept = []
        for o in objects:
            ((kind, body),) = o.items()
            if kind != "metainfo" and TRACER in (body.get("table"), body.get("name") if kind == "table" else None):
                continue
            kept.append(o)
        return {"nftables": kept}

    def op_load(self, request):
        self.clear()
        done = subprocess.run(["nft", "-f", "-"], input=request["ruleset"].encode(), stderr=subprocess.PIPE)
        if done.returncode != 0:
            return {"refused": done.stderr.decode(errors="replace")}
        # Not from a listing: some rules make nft 1.0.6 abort when it lists them.
        self.tables = re.findall(r"^table (\S+ \S+) \{", request["ruleset"], re.M)
        self.listen()
        listing = self.listing()
        self.drain(0)
        if listing is None:
            return {"refused": "nft could not list the ruleset"}
        return {"listing": listing}

    def op_clear(self, request):
        self.clear()
        return {}

    def drain(self, settle):
        """Everything that the kernel reported and sent, until nothing came for `settle` seconds. Copies that are copied again may go on
        for ever: after STORM messages the rules are taken away, and what still comes is left out."""
        events, frames = [], []
        self.names = {}
        storm = False
        watched = {self.trace: None, **{s: name for name, s in self.captures.items()}}
        while True:
            ready, _, _ = select.select(list(watched), [], [], settle)
            if not ready:
                return events, frames
            for s in ready:
                while True:
                    if not storm and len(events) + len(frames) > STORM:
                        storm = True
                        self.clear()
                    try:
                        if storm:
                            s.recv(65536)
                        elif s is self.trace:
                            for kind, body in messages(s.recv(65536)):
                                if kind == (10 << 8 | 17):
                                    events.append(self.event(body))
                        else:
                            data, (_, proto, pkttype, _, _) = s.recvfrom(65536)
                            if pkttype != 4:  # PACKET_OUTGOING: what the laboratory sent itself
                                frames.append({"dev": watched[s], "hex": data.hex()})
                    except BlockingIOError:
                        break
                    except OSError as e:
                        if e.errno == errno.ENOBUFS:
                            events.append({"lost": True})
                            continue
                        raise

    def device(self, index):
        if index not in self.names:
            try:
                self.names[index] = socket.if_indextoname(index)
            except OSError:
                self.names[index] = "?"
        return self.names[index]

    def event(self, body):
        a = attributes(body[4:])
        e = {"family": FAMILIES.get(body[0], body[0]), "table": text(a.get(1, b"")), "chain": text(a.get(2, b""))}
        kind = struct.unpack(">I", a[4])[0]
        handle = struct.unpack(">Q", a[3])[0] if 3 in a else None
        e["type"] = {1: "policy", 2: "return", 3: "rule"}.get(kind, kind)
        if e["type"] == "rule" and handle is None:
            e["type"] = "end"
        if handle is not None:
            e["handle"] = handle
        if 5 in a:
            v = attributes(a[5])
            code = struct.unpack(">i", v[1])[0]
            e["verdict"] = VERDICTS.get(code if code < 0 else code & 0xFF, code)
            if 2 in v:
                e["jumpTarget"] = text(v[2])
        if 16 in a:
            e["verdict"] = VERDICTS.get(struct.unpack(">I", a[16])[0], "?")
        if 14 in a:
            mark = struct.unpack(">I", a[14])[0]
            if mark:
                e["mark"] = mark
        e["id"] = struct.unpack(">I", a[6])[0] if 6 in a else 0
        if 8 in a or 9 in a or 10 in a or 12 in a:  # only the first message of a traversal has these
            e["first"] = True
            for attr, name in ((10, "iif"), (12, "oif")):
                if attr in a:
                    e[name] = self.device(struct.unpack(">I", a[attr])[0])
            if 8 in a:
                e["network"] = a[8].hex()
            if 9 in a:
                e["transport"] = a[9].hex()
            if 21 in a:
                e["ct"] = {"state": CT_STATES.get(struct.unpack(">I", a[21])[0], "?")}
                if 19 in a:
                    e["ct"]["direction"] = ["original", "reply"][a[19][0] & 1]
                if 20 in a:
                    bits = struct.unpack(">I", a[20])[0]
                    e["ct"]["status"] = [s for i, s in enumerate(STATUS) if bits >> i & 1]
        return e

    def op_packet(self, request):
        p = request["packet"]
        data = bytes.fromhex(p["hex"])
        answer = {}
        if p.get("from") == "local":
            try:
                self.send_local(p, data)
            except OSError as e:
                answer["sendErrno"] = e.errno
        else:
            l2 = p["l2"]
            mac = lambda t: bytes.fromhex(t.replace(":", ""))
            ethertype = {"ip": 0x0800, "ip6": 0x86DD, "arp": 0x0806}[p["family"]]
            tag = struct.pack(">HH", 0x8100, l2["vlan"]) if "vlan" in l2 else b""
            ether = mac(l2["dst"]) + mac(l2["src"]) + tag + struct.pack(">H", ethertype)
            self.captures[p["iif"]].send(ether + data)
            if p["family"] == "ip" and (data[6] & 0x3F or data[7]):
                self.fragments.add((p["iif"], ether, data[:20], None))
            for header in p.get("extHeaders", []):
                if header["type"] == "frag":
                    self.fragments.add((p["iif"], ether, data[:40], header.get("id", 0)))
        self.too_big |= (p.get("protocol"), p.get("icmpType")) in (("icmp", 3), ("icmpv6", 2))
        events, frames = self.drain(request.get("settle", 0.002))
        answer.update(events=events, frames=frames, conntrack=self.conntrack())
        if request.get("state"):
            answer["listing"] = self.listing()
        if any(e.get("table") == TRACER and e["chain"] == "out" and e.get("verdict") == "drop" for e in events):
            self.forget()
        return answer

    def forget(self):
        """Neighbours that do not answer, before their queue gives up and an error about it is sent."""
        # The errors about what waited in vain would come at a time of no packet's own, and rules would count them.
        run("nft", "add", "rule", "inet", TRACER, "out", "meta", "l4proto", "{ icmp, ipv6-icmp }", "drop")
        run("ip", "neigh", "flush", "nud", "incomplete")
        run("ip", "-6", "neigh", "flush", "nud", "incomplete")
        run("ip", "neigh", "flush", "nud", "failed")
        self.drain(0.001)
        rules = "".join(f"add rule inet {TRACER} out {r}\n" for r in OUT)
        subprocess.run(["nft", "-f", "-"], input=f"flush chain inet {TRACER} out\n{rules}".encode())

    def send_local(self, p, data):
        # The owner of a socket is the file system user at the time it is opened; raw sockets need no more than that to differ.
        LIBC.setfsuid(p.get("uid", 0))
        LIBC.setfsgid(p.get("gid", p.get("uid", 0)))
        try:
            if p["family"] == "ip":
                s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            else:
                s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        finally:
            LIBC.setfsuid(0)
            LIBC.setfsgid(0)
        with s:
            if p.get("mark"):
                s.setsockopt(socket.SOL_SOCKET, 36, p["mark"])
            if p["family"] == "ip":
                s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                s.sendto(data, (socket.inet_ntop(socket.AF_INET, data[16:20]), 0))
            else:
                s.setsockopt(socket.IPPROTO_IPV6, 36, 1)  # IPV6_HDRINCL
                s.sendto(data, (socket.inet_ntop(socket.AF_INET6, data[24:40]), 0))

    # Connection tracking, over ctnetlink

    def flush_conntrack(self):
        body = struct.pack("=BBH", 0, 0, 0)
        self.query.send(struct.pack("=IHHII", 16 + len(body), 1 << 8 | 2, 5, 1, 0) + body)  # IPCTNL_MSG_CT_DELETE, REQUEST|ACK
        self.query.recv(65536)

    def conntrack(self):
        body = struct.pack("=BBH", 0, 0, 0)
        self.query.send(struct.pack("=IHHII", 16 + len(body), 1 << 8 | 1, 0x301, 1, 0) + body)  # IPCTNL_MSG_CT_GET, DUMP
        entries = []
        while True:
            for kind, body in messages(self.query.recv(1 << 20)):
                if kind == 3:
                    return entries
                if kind == 2:
                    raise RuntimeError("conntrack dump failed")
                if kind & 0xFF == 0:
                    entries.append(self.entry(body))

    @staticmethod
    def tuple(data):
        a = attributes(data)
        ip, proto = attributes(a[1]), attributes(a[2])
        family = socket.AF_INET if 1 in ip else socket.AF_INET6
        number = proto[1][0]
        t = {
            "src": socket.inet_ntop(family, ip.get(1, ip.get(3))),
            "dst": socket.inet_ntop(family, ip.get(2, ip.get(4))),
            "protocol": PROTOCOLS.get(number, number),
        }
        for key, name in ((2, "sport"), (3, "dport"), (4, "icmpId"), (7, "icmpId")):
            if key in proto:
                t[name] = struct.unpack(">H", proto[key])[0]
        for key, name in ((5, "icmpType"), (6, "icmpCode"), (8, "icmpType"), (9, "icmpCode")):
            if key in proto:
                t[name] = proto[key][0]
        return t

    def entry(self, body):
        a = attributes(body[4:])
        bits = struct.unpack(">I", a[3])[0]
        e = {
            "family": "ip" if body[0] == socket.AF_INET else "ip6",
            "original": self.tuple(a[1]),
            "reply": self.tuple(a[2]),
            "status": [s for i, s in enumerate(STATUS) if bits >> i & 1],
        }
        if 18 in a:
            e["zone"] = struct.unpack(">H", a[18])[0]
        if 8 in a and (mark := struct.unpack(">I", a[8])[0]):
            e["mark"] = mark
        if 4 in a and 1 in (info := attributes(a[4])):
            e["tcpState"] = TCP_STATES[attributes(info[1])[1][0]]
        if 5 in a:
            e["helper"] = text(attributes(a[5])[1])
        return e

    def close(self):
        run("ip", "netns", "del", self.router)
        run("ip", "netns", "del", self.peers)


OPERATIONS = {"setup": Lab.op_setup, "environment": Lab.op_environment, "load": Lab.op_load, "packet": Lab.op_packet, "clear": Lab.op_clear}


def main():
    lab = Lab()
    labs = [lab]
    apart = None
    try:
        try:
            lab.build()
        except (RuntimeError, OSError) as e:
            print(json.dumps({"error": str(e)}), flush=True)
            return
        print(json.dumps({"ready": True}), flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            try:
                if request["op"] == "environment":
                    # The kernel never forgets that a namespace had a local route of its own once, and looks at sources more closely
                    # from then on (fib_has_custom_local_routes): policy routing has a router apart.
                    wanted = labs[0]
                    if request["name"] == "policy-routing":
                        if apart is None:
                            apart = Lab("-policy")
                            labs.append(apart)
                            apart.build()
                        wanted = apart
                    if wanted is not lab:
                        lab = wanted
                        setns(lab.router)
                answer = OPERATIONS[request["op"]](lab, request)
            except (RuntimeError, OSError, ValueError, KeyError) as e:
                answer = {"error": f"{type(e).__name__}: {e}"}
            print(json.dumps(answer), flush=True)
    finally:
        for each in labs:
            each.close()


main()
