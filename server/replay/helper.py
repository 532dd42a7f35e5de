#!/usr/bin/env python3
"""The kernel's side of a replay: one node in a network namespace of its own, driven by JSON lines.

Reads one JSON request a line on standard input, writes one JSON answer a line on standard output (OPERATIONS, at the end). The
namespaces nftscope-replay-PID-node and -peers are named in a mount namespace of this process only, so nothing of the host is
touched, and the kernel removes all of it when the process ends, however it ends. Needs root, nft and ip; the standard library only.

Message formats: include/uapi/linux/netfilter/nf_tables.h (NFTA_TRACE_*), nfnetlink_conntrack.h (IPCTNL_MSG_*).
"""
import ctypes
import errno
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
PR_SET_PDEATHSIG = 1
SOL_NETLINK = 270
NETLINK_NETFILTER = 12
NFNLGRP_NFTRACE = 9
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
COMMAND_SECONDS = 20
SILENCE = 0.03

FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
VERDICTS = {-1: "continue", -2: "break", -3: "jump", -4: "goto", -5: "return", 0: "drop", 1: "accept", 2: "stolen", 3: "queue"}


def check(status, what):
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def run(argv, stdin=""):
    """A command in the namespace this process is in now."""
    try:
        done = subprocess.run(argv, input=stdin.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        return {"status": None, "stdout": "", "stderr": f"stopped after {COMMAND_SECONDS} s"}
    except FileNotFoundError:
        return {"status": 127, "stdout": "", "stderr": f"{argv[0]}: not found"}
    return {
        "status": done.returncode,
        "stdout": done.stdout.decode(errors="replace"),
        "stderr": done.stderr.decode(errors="replace"),
    }


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


def messages(data):
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        if length < 16:
            break
        yield kind, data[at + 16 : at + length]
        at += (length + 3) & ~3


def text(data):
    return data.rstrip(b"\0").decode()


def trace_event(body):
    """One message of the kernel's trace; see lib/monitor/kernel-event.ts."""
    a = attributes(body[4:])
    number = lambda key, form=">I": struct.unpack(form, a[key])[0] if key in a else None
    kind = {1: "policy", 2: "return", 3: "rule"}.get(number(4), "unknown")
    event = {
        "kind": "end" if kind == "rule" and 3 not in a else kind,
        "id": f"{number(6) or 0:08x}",
        "family": FAMILIES.get(body[0], str(body[0])),
        "table": text(a.get(1, b"")),
        "chain": text(a.get(2, b"")),
        "mark": number(14) or 0,
    }
    if 3 in a:
        event["handle"] = number(3, ">Q")
    if 5 in a:
        verdict = attributes(a[5])
        code = struct.unpack(">i", verdict[1])[0]
        event["verdict"] = VERDICTS.get(code if code < 0 else code & 0xFF, str(code))
        if 2 in verdict:
            event["jumpTarget"] = text(verdict[2])
    if 16 in a:
        event["verdict"] = VERDICTS.get(number(16), str(number(16)))
    packet = {}
    for key, name in ((10, "iif"), (12, "oif")):
        if number(key):
            try:
                packet[name] = socket.if_indextoname(number(key))
            except OSError:
                packet[name] = f"index {number(key)}"
    if 8 in a:
        packet["network"] = a[8].hex()
    if packet:
        event["packet"] = packet
    return event


class Replay:
    def __init__(self):
        base = f"nftscope-replay-{os.getpid()}"
        self.node, self.peers = f"{base}-node", f"{base}-peers"
        self.namespaces = {}
        self.wires = {}
        self.listeners = []
        self.trace = None

    def enter(self, name):
        check(LIBC.setns(self.namespaces[name], CLONE_NEWNET), "setns")

    def op_build(self, request):
        """Both namespaces, with interfaces: a veth pair for each but loopback and bridges; the far ends are in the peers' namespace."""
        check(LIBC.unshare(CLONE_NEWNS), "unshare")
        check(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount")
        run_dir = os.path.realpath("/var/run")
        check(LIBC.mount(b"nftscope", run_dir.encode(), b"tmpfs", 0, b"size=1m"), "mount tmpfs")
        os.makedirs("/var/run/netns", exist_ok=True)
        for name in (self.peers, self.node):
            done = run(["ip", "netns", "add", name])
            if done["status"] != 0:
                raise OSError(0, done["stderr"].strip())
            self.namespaces[name] = os.open(f"/var/run/netns/{name}", os.O_RDONLY)
        self.enter(self.peers)
        self.write("net.ipv6.conf.all.disable_ipv6", "1")
        self.write("net.ipv6.conf.default.disable_ipv6", "1")
        self.enter(self.node)
        failures = self.op_sysctl({"values": request["sysctl"]})["failures"]
        lines = []
        for link in request["links"]:
            index = f"index {link['index']} " if link["index"] > 1 else ""
            if link["kind"] == "bridge":
                lines.append(f"link add {link['name']} {index}address {link['mac']} type bridge forward_delay 0 mcast_snooping 0")
            elif link["kind"] == "veth":
                lines.append(f"link add {link['name']} {index}address {link['mac']} mtu {link['mtu']} type veth peer name p{link['index']} netns {self.peers}")
        done = run(["ip", "-batch", "-"], "\n".join(lines) + "\n")
        if done["status"] != 0:
            raise OSError(0, done["stderr"].strip())
        self.enter(self.peers)
        for link in request["links"]:
            if link["kind"] != "veth":
                continue
            run(["ip", "link", "set", f"p{link['index']}", "mtu", "65535"])
            if link["carrier"]:
                run(["ip", "link", "set", f"p{link['index']}", "up"])
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(ETH_P_ALL))
            wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20)
            wire.bind((f"p{link['index']}", ETH_P_ALL))
            self.wires[link["name"]] = wire
        self.enter(self.node)
        self.trace = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_NETFILTER)
        self.trace.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        self.trace.bind((0, 0))
        self.trace.setsockopt(SOL_NETLINK, 1, NFNLGRP_NFTRACE)
        return {"kernel": os.uname().release, "failures": failures}

    def write(self, key, value):
        # A slash within a part stands for a dot of the interface's name, as sysctl(8) has it.
        path = "/proc/sys/" + "/".join(part.replace("/", ".") for part in key.split("."))
        with open(path) as f:
            current = f.read().split()
        if current == value.split():
            return
        with open(path, "w") as f:
            f.write(value)

    def op_sysctl(self, request):
        failures = []
        for key, value in request["values"]:
            try:
                self.write(key, value)
            except OSError as e:
                failures.append({"key": key, "value": value, "say": e.strerror or str(e)})
        return {"failures": failures}

    def op_run(self, request):
        if request["argv"][0] not in ("ip", "nft", "bridge"):
            raise ValueError(f"{request['argv'][0]} is not run here")
        return run(request["argv"], request.get("stdin", ""))

    def op_listen(self, request):
        """Sockets that listen as those of the node do."""
        for s in self.listeners:
            s.close()
        self.listeners = []
        failures = []
        for one in request["sockets"]:
            family = socket.AF_INET6 if one["family"] == "ip6" else socket.AF_INET
            s = socket.socket(family, (socket.SOCK_STREAM if one["protocol"] == "tcp" else socket.SOCK_DGRAM) | socket.SOCK_NONBLOCK)
            try:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                if one["transparent"]:
                    s.setsockopt(socket.SOL_IP, 19, 1)  # IP_TRANSPARENT
                s.bind((one["address"], one["port"]))
                if one["protocol"] == "tcp":
                    s.listen(8)
                self.listeners.append(s)
            except OSError as e:
                s.close()
                failures.append({**one, "say": e.strerror or str(e)})
        return {"failures": failures}

    def op_flush_conntrack(self, _request):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as s:
            s.settimeout(5)
            s.send(struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 5, 1, 0, 0, 0, 0))  # IPCTNL_MSG_CT_DELETE, REQUEST|ACK
            s.recv(65536)
        return {}

    def op_packet(self, request):
        self.drain(SILENCE)
        answer = {}
        if request["from"] == "local":
            try:
                self.send_local(request)
            except OSError as e:
                answer["sendErrno"] = e.errno
        else:
            self.wires[request["iif"]].send(bytes.fromhex(request["hex"]))
        events, frames = self.drain(SILENCE)
        return {**answer, "events": events, "frames": frames}

    def drain(self, silence):
        """Everything the kernel reported and sent, until nothing came for `silence` seconds; 2,000 messages at most."""
        events, frames = [], []
        watched = {self.trace: None, **{wire: name for name, wire in self.wires.items()}}
        while len(events) + len(frames) < 2000:
            ready, _, _ = select.select(list(watched), [], [], silence)
            if not ready:
                break
            for s in ready:
                try:
                    if s is self.trace:
                        events += [trace_event(body) for kind, body in messages(s.recv(1 << 16)) if kind == (10 << 8 | 17)]
                    else:
                        data, (_, _, packet_type, _, _) = s.recvfrom(1 << 16)
                        if packet_type != 4:  # PACKET_OUTGOING: what was sent from here
                            frames.append({"dev": watched[s], "hex": data.hex()})
                except BlockingIOError:
                    continue
                except OSError as e:
                    if e.errno != errno.ENOBUFS:
                        raise
                    events.append({"kind": "lost"})
        return events, frames

    def send_local(self, p):
        data = bytes.fromhex(p["hex"])
        # The owner of a socket is the file system user at the time it is opened.
        LIBC.setfsuid(p["uid"])
        LIBC.setfsgid(p["gid"])
        try:
            s = socket.socket(socket.AF_INET if p["family"] == "ip" else socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        finally:
            LIBC.setfsuid(0)
            LIBC.setfsgid(0)
        with s:
            if p["mark"]:
                s.setsockopt(socket.SOL_SOCKET, 36, p["mark"])  # SO_MARK
            if p["family"] == "ip":
                s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                s.sendto(data, (socket.inet_ntop(socket.AF_INET, data[16:20]), 0))
            else:
                s.setsockopt(socket.IPPROTO_IPV6, 36, 1)  # IPV6_HDRINCL
                s.sendto(data, (socket.inet_ntop(socket.AF_INET6, data[24:40]), 0))


OPERATIONS = {
    "build": Replay.op_build,
    "sysctl": Replay.op_sysctl,
    "run": Replay.op_run,
    "listen": Replay.op_listen,
    "flush-conntrack": Replay.op_flush_conntrack,
    "packet": Replay.op_packet,
}


def main():
    # Does not outlive the process that asked, even where that is killed.
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: os._exit(1))
    signal.alarm(int(sys.argv[1]))
    replay = Replay()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = OPERATIONS[request["op"]](replay, request)
        except (OSError, ValueError, KeyError) as e:
            answer = {"error": e.strerror if isinstance(e, OSError) and e.strerror else f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


main()
