"""The warm runner: imports once, and forks a container of its own for each submission. It never runs student code.

Started inside bubblewrap as `python -I zygote.py <fd>`; the socket at <fd> leads to the grader.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import signal
import socket
import sys

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import seccomp
import wire

CLONE = {"NEWNS": 0x20000, "NEWUTS": 0x4000000, "NEWIPC": 0x8000000, "NEWUSER": 0x10000000, "NEWPID": 0x20000000}
CLONE["NEWNET"] = 0x40000000
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 0x4000, 0x40000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 1, 4, 38, 24
MADV_COLLAPSE, HUGE = 25, 2 * 2**20  # since Linux 6.1; an older one refuses, and forks are slower
NOBODY = 65534
HOME = "/tmp"
FOR_CHECKS = 64 * 2**20  # bytes that cells do not get: one that keeps all it can leaves enough to answer checks
libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    config, _, _ = wire.receive(control)
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    sys.path[:0] = config["path"]
    os.chdir(HOME)
    if config["modules"] is not None:  # else it is only to be seen whether containers work
        import runner

        runner.warm_up(config["modules"])
    gc.collect()
    gc.freeze()  # keeps the collector from touching, and so copying, the pages that all children share
    if config["nested"]:
        _into_huge_pages()
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # no child may look into this process
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are not waited for
    wire.send(control, {"ready": True})
    serve(control, config["nested"])


def serve(control: socket.socket, nested: bool, forbidden: str = "", broken: str = "") -> None:
    """Fork a container for each request that comes; one for work by hand from a process where what it forbids is gone.

    Args:
        forbidden: what is gone here.
        broken: why it is not, and there are no containers.
    """
    others: dict[str, socket.socket] = {}  # such processes
    while True:
        try:
            request, _, fds = wire.receive(control)
        except wire.WireError:
            return  # the grader is done
        link, wanted = socket.socket(fileno=fds[0]), request["limits"]["forbidden"]
        if wanted != forbidden:
            if wanted not in others:
                others[wanted] = _without(wanted, nested, [control, link, *others.values()])
            wire.send(others[wanted], request, fds=[link.fileno()])
        elif broken:
            wire.send(link, {"broken": broken})
        elif os.fork() == 0:
            control.close()
            for other in others.values():
                other.close()
            _guard(contain, link, request["limits"], nested)
        link.close()


def _without(forbidden: str, nested: bool, sockets: list[socket.socket]) -> socket.socket:
    """Fork a process that serves containers without what is forbidden; the way to it."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        broken = ""
        try:
            for each in (ours, *sockets):
                each.close()
            import by_hand

            try:
                by_hand.take_out(forbidden)
            except Exception as error:  # noqa: BLE001 - whatever it is, the grader is to hear it
                broken = f"{forbidden!r} cannot be taken out ({type(error).__name__}: {error})"
            gc.freeze()
            serve(theirs, nested, forbidden, broken)
        finally:
            os._exit(0)
    theirs.close()
    return ours


def _into_huge_pages() -> None:
    """Move what this process holds into pages of 2 MB, where the kernel can: a fork then copies a tenth of the tables.

    A child's first write to such a page copies 4 kB, as ever. Imported libraries hold half a gigabyte, and copying and
    freeing its tables of small pages costs more than most checks.
    """
    with open("/proc/self/maps") as file:
        lines = [line.split() for line in file]
    for places, access, _, _, _, *name in lines:
        start, end = (int(place, 16) for place in places.split("-"))
        start, end = -(-start // HUGE) * HUGE, end // HUGE * HUGE
        if access == "rw-p" and name in ([], ["[heap]"]) and start < end:
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_COLLAPSE)


def _guard(step, link: socket.socket, *arguments) -> None:
    """Run `step` in a forked child, which never returns from here."""
    try:
        step(link, *arguments)
    except BaseException as error:  # noqa: BLE001
        with contextlib.suppress(wire.WireError):
            wire.send(link, {"broken": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(0)


def contain(link: socket.socket, limits: dict, nested: bool) -> None:
    """Go into namespaces of one's own, fork once more to be the first process in them, and run the submission.

    Where the system allows no namespaces within namespaces, all of bubblewrap is this one submission's.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    if nested:
        libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # else /proc/self belongs to root and the maps cannot be written
        uid, gid = os.getuid(), os.getgid()
        _check(libc.unshare(sum(CLONE.values())), "unshare")
        for path, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{path}", "w") as file:
                file.write(text)
    first = os.fork()
    if first == 0:
        _guard(_first_process, link, limits, nested)
    handle = os.pidfd_open(first)
    wire.send(link, {"contained": True}, fds=[handle])
    link.close()
    os.close(handle)
    os.waitpid(first, 0)


def _first_process(link: socket.socket, limits: dict, nested: bool) -> None:
    wire.receive(link)  # wait until the grader holds the handle by which it can end this process
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(seccomp.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # else what loses its parent is counted as nobody's
    if nested:
        _mount(None, "/", None, MS_REC | MS_PRIVATE)
        _mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, f"size={limits['scratch']},nr_inodes=20000,mode=700")
        _mount("tmpfs", "/proc", "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,mode=555")
        _mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, f"size={limits['scratch']},mode=777")
    for number in range(64):
        libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
    empty = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    _check(libc.capset(empty[0], empty[1]), "capset")
    for name, value in (
        ("NPROC", limits["processes"] + 8),  # the grader ends who reaches the limit; kernels count differently
        ("FSIZE", limits["scratch"]),
        ("CORE", 0),
        ("NOFILE", 512),
    ):
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    resource.setrlimit(resource.RLIMIT_DATA, (limits["memory"], limits["memory"] + FOR_CHECKS))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_seconds"], limits["cpu_seconds"] + 2))
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):  # stderr led to the grader, which reads no more of it: it would fill up
        os.dup2(nothing, number)
    os.close(nothing)
    seccomp.refuse_dangerous_calls(programs=bool(limits["forbidden"]))
    os.chdir(HOME)
    if "runner" not in sys.modules:
        wire.send(link, {"works": True})
        return
    import runner

    runner.serve(link, limits)


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    arguments = (text.encode() if text else None for text in (source, target, kind))
    _check(libc.mount(*arguments, flags, data.encode()), f"mount {target}")


def _check(failed: int, what: str) -> None:
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
