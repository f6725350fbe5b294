"""Python starts this by itself where its folder is on PYTHONPATH: the process then dies when it reaches for a network.

A worker has no need of any: the kernel ends it, and whatever it starts, when it connects or sends a datagram anywhere,
be it from Python or from a library in C. The service itself may look up and connect to loopback.
"""

from __future__ import annotations

import ctypes
import ipaddress
import os
import platform
import sys

_CALLS = {
    "x86_64": {"connect": 42, "sendto": 44, "sendmsg": 46, "sendmmsg": 307},
    "aarch64": {"connect": 203, "sendto": 206, "sendmsg": 211, "sendmmsg": 269},
}
"""Numbers of the system calls that reach others; opening a socket alone reaches nobody (urllib3 does when imported)."""
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_AT_NUMBER, _AT_ADDRESS = 0, 48


class _Step(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("k", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.POINTER(_Step)))


def forbid_connections() -> None:
    """Have the kernel end this process and its children at the first connection or datagram."""
    call = _CALLS[platform.machine()]
    steps = (_Step * 9)(
        _Step(_LOAD, 0, 0, _AT_NUMBER),
        _Step(_JUMP_IF_EQUAL, 6, 0, call["connect"]),
        _Step(_JUMP_IF_EQUAL, 5, 0, call["sendmsg"]),
        _Step(_JUMP_IF_EQUAL, 4, 0, call["sendmmsg"]),
        _Step(_JUMP_IF_EQUAL, 0, 2, call["sendto"]),
        _Step(_LOAD, 0, 0, _AT_ADDRESS),
        _Step(_JUMP_IF_EQUAL, 0, 1, 0),  # sent to nobody in particular: over a pair of sockets
        _Step(_RETURN, 0, 0, _ALLOW),
        _Step(_RETURN, 0, 0, _KILL),
    )
    system = ctypes.CDLL(None, use_errno=True)
    system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if system.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(_Program(len(steps), steps)), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this kernel has no seccomp filters")


def forbid_far_hosts() -> None:
    """End this process when Python looks up a name or connects to anything but loopback."""

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("socket.connect", "socket.sendto"):
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) else None
        elif event == "socket.getaddrinfo":
            host = arguments[0]
        else:
            return
        if host is not None and not _is_near(str(host)):
            sys.stderr.write(f"CLOSED NETWORK: {event} {host}\n")
            sys.stderr.flush()
            os._exit(99)

    sys.addaudithook(watch)


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if "api.serve" in sys.orig_argv:
    forbid_far_hosts()
else:
    forbid_connections()
