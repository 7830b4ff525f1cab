"""Loopback ports: find a free one, wait for one, and see which ones a process listens on."""

from __future__ import annotations

import ipaddress
import socket
import sys
from pathlib import Path

LOOPBACK = "127.0.0.1"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp; see proc_net_tcp(5)


def free_port() -> int:
    """Return a loopback port that nobody listens on just now."""
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


def accepts(port: int, *, timeout_s: float = 0.2) -> bool:
    """Say whether somebody accepts connections on the loopback ``port``."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=timeout_s).close()
    except OSError:
        return False
    return True


def listeners(pid: int) -> list[tuple[Address, int]]:
    """List the addresses and ports that a process accepts TCP connections on.

    Read from /proc, so Linux only: elsewhere the list is empty.
    """
    if sys.platform != "linux":
        return []
    own = _socket_inodes(pid)
    return [(address, port) for address, port, inode in _all_listeners() if inode in own]


def _socket_inodes(pid: int) -> set[str]:
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:  # closed since it was listed
            continue
        if target.startswith("socket:["):
            inodes.add(target[len("socket:[") : -1])
    return inodes


def _all_listeners() -> list[tuple[Address, int, str]]:
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not Path(table).exists():
            continue
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING:
                address, port = fields[1].split(":")
                found.append((_address(address), int(port, 16), fields[9]))
    return found


def _address(text: str) -> Address:
    """Decode the kernel's form: words of four bytes in the machine's own order, in hex."""
    words = [bytes.fromhex(text[at : at + 8]) for at in range(0, len(text), 8)]
    packed = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    return ipaddress.ip_address(packed)
