"""Sends and sees packets of tests/kernel/xt.test.ts: one JSON request a line, one JSON answer a line.

Arguments: DEVICE=NAMESPACE for every machine around the router, and router=NAMESPACE.
"""
import ctypes
import json
import os
import select
import socket
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
places = dict(a.split("=") for a in sys.argv[1:])


def enter(namespace):
    fd = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def packet_socket(device, namespace):
    enter(namespace)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((device, 0))
    s.setblocking(False)
    return s


sockets = {d: packet_socket(d, n) for d, n in places.items() if d != "router"}


def send_local(q):
    """A UDP datagram of a user of the router."""
    pid = os.fork()
    if pid == 0:
        try:
            enter(places["router"])
            os.setgid(q["gid"])
            os.setuid(q["uid"])
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((q["saddr"], q["sport"]))
            s.sendto(b"", (q["daddr"], q["dport"]))
        except OSError:
            pass
        os._exit(0)
    os.waitpid(pid, 0)


def drain(seconds):
    frames = []
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        ready, _, _ = select.select(list(sockets.values()), [], [], left)
        for device, s in sockets.items():
            if s in ready:
                frame, address = s.recvfrom(65535)
                # Listener reports and the like are no answers.
                if address[2] != 4 and frame[0] != 0x33 and frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
                    frames.append({"dev": device, "hex": frame[14:].hex()})
    return frames


for line in sys.stdin:
    request = json.loads(line)
    drain(0.005)
    if "hex" in request:
        sockets[request["dev"]].send(bytes.fromhex(request["hex"]))
    else:
        send_local(request)
    print(json.dumps(drain(0.06)), flush=True)
