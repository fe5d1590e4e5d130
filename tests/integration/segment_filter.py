"""Drops chosen segments before one kernel socket sees them, so that a connection can be held in any state.

The filter is classic BPF on the socket (SO_ATTACH_FILTER); for TCP it reads from the TCP header on. On a listener it also
judges what arrives for its half-open connections.
"""

import ctypes
import struct

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_SOL_SOCKET = 1
_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27

_LOAD_BYTE_AT = 0x30  # BPF_LD | BPF_B | BPF_ABS
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_JUMP_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_FLAGS_OFFSET = 13


def drop(sock, mask, value):
    """From now on the kernel drops every segment for `sock` with (flags & mask) == value. drop(s, 0, 0) drops all."""
    program = b"".join(struct.pack("=HBBI", *step) for step in (
        (_LOAD_BYTE_AT, 0, 0, _FLAGS_OFFSET),
        (_AND, 0, 0, mask),
        (_JUMP_IF_EQUAL, 0, 1, value),
        (_RETURN, 0, 0, 0),
        (_RETURN, 0, 0, 0xFFFFFFFF)))
    steps = ctypes.create_string_buffer(program)
    sock.setsockopt(_SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 5, ctypes.addressof(steps)))


def drop_nothing(sock):
    sock.setsockopt(_SOL_SOCKET, _SO_DETACH_FILTER, 0)
