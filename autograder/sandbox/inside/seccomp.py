"""Close the system calls by which a process gets what no limit counts, or privileges in namespaces of its own.

They fail with EPERM (clone3 with ENOSYS, whereupon libc takes clone), as they do in Docker. On processors other than
these two nothing is closed. Where work is to be done by hand, no other program is started either.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # of the Berkeley packet filter
NAMESPACES = 0x7E020000  # CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
REFUSED = (
    "unshare", "setns", "mount", "umount2", "pivot_root", "open_tree", "move_mount", "fsopen", "fsmount",
    "memfd_create", "memfd_secret", "shmget", "mq_open", "add_key", "request_key", "keyctl",
    "ptrace", "process_vm_readv", "process_vm_writev", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
)  # fmt: skip
PROGRAMS = ("execve", "execveat")
PR_SET_CHILD_SUBREAPER = 36  # whoever loses its parent stays with the submission's first process, and counts
NUMBERS = {
    "x86_64": (
        0xC000003E,
        dict(zip(REFUSED, (272, 308, 165, 166, 155, 428, 429, 430, 432, 319, 447, 29, 240, 248, 249, 250,
                           101, 310, 311, 321, 298, 323, 425))) | {"clone": 56, "clone3": 435, "prctl": 157, "execve": 59, "execveat": 322},
    ),
    "aarch64": (
        0xC00000B7,
        dict(zip(REFUSED, (97, 268, 40, 39, 41, 428, 429, 430, 432, 279, 447, 194, 180, 217, 218, 219,
                           117, 270, 271, 280, 241, 282, 425))) | {"clone": 220, "clone3": 435, "prctl": 167, "execve": 221, "execveat": 281},
    ),
}  # fmt: skip


def refuse_dangerous_calls(*, programs: bool = False) -> None:
    """Install the filter for this process and all that come from it; needs no_new_privs.

    Args:
        programs: whether to refuse to start other programs, too.
    """
    if os.uname().machine not in NUMBERS:
        return
    program = b"".join(struct.pack("HBBI", *line) for line in _filter(*NUMBERS[os.uname().machine], programs))
    text = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(text))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def _filter(architecture: int, numbers: dict[str, int], programs: bool) -> list[tuple[int, int, int, int]]:
    """(what to do, lines to skip if true, lines to skip if false, operand), over struct seccomp_data."""
    lines = [
        (LOAD, 0, 0, 4),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, ERRNO | errno.ENOSYS),  # calls as of another processor (32 bit) have other numbers
        (LOAD, 0, 0, 0),
        (AT_LEAST, 0, 1, 0x40000000),
        (RETURN, 0, 0, ERRNO | errno.ENOSYS),  # and so have those of x32
    ]
    for name in REFUSED + PROGRAMS if programs else REFUSED:
        lines += [(EQUAL, 0, 1, numbers[name]), (RETURN, 0, 0, ERRNO | errno.EPERM)]
    lines += [(EQUAL, 0, 1, numbers["clone3"]), (RETURN, 0, 0, ERRNO | errno.ENOSYS)]
    for name, test, what in (("clone", ANY_BIT, NAMESPACES), ("prctl", EQUAL, PR_SET_CHILD_SUBREAPER)):
        lines += [(EQUAL, 0, 4, numbers[name]), (LOAD, 0, 0, 16), (test, 0, 1, what)]  # of the call's first argument
        lines += [(RETURN, 0, 0, ERRNO | errno.EPERM), (RETURN, 0, 0, ALLOW)]
    return [*lines, (RETURN, 0, 0, ALLOW)]
