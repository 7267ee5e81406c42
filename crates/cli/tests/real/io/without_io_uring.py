"""Runs a program that may not set up io_uring: `without_io_uring.py PROGRAM ARGUMENT…`."""

import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
IO_URING_SETUP = 425
EPERM = 1


def instruction(code, yes, no, operand):
    return struct.pack("HBBI", code, yes, no, operand)


# The number of the system call; if it is the one, an error; else go ahead.
program = b"".join([
    instruction(0x20, 0, 0, 0),
    instruction(0x15, 0, 1, IO_URING_SETUP),
    instruction(0x06, 0, 0, 0x00050000 | EPERM),
    instruction(0x06, 0, 0, 0x7FFF0000),
])
buffer = ctypes.create_string_buffer(program, len(program))
fprog = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
prctl = ctypes.CDLL(None, use_errno=True).prctl
if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, fprog, 0, 0):
    sys.exit(os.strerror(ctypes.get_errno()))
os.execv(sys.argv[1], sys.argv[1:])
