"""One submission's process: runs its cells in IPython, and forks for each check a child that answers the grader.

Everything from here on may be changed by the student's code: whatever this process says is only a value to be judged.
"""

from __future__ import annotations

import _thread
import builtins
import contextlib
import ctypes
import importlib
import io
import os
import resource
import signal
import socket
import sys
import warnings
from functools import partial

import by_hand
import wire
from checked import Checked, seed_all
from watchman import Watchman

__builtins__ = dict(vars(builtins))  # this file's own: what student code puts into builtins does not reach it
SHELL = None
FORK = ctypes.PyDLL(None).fork
OURS = ("runner", "checked", "watchman", "wire", "values", "seccomp", "by_hand")  # no student code imports them


class Said:
    """What a cell puts out, sent as it comes and cut at a limit."""

    def __init__(self) -> None:
        self.link: socket.socket | None = None
        self.left = 0

    def __call__(self, kind: str, **content) -> None:
        if self.link is None or self.left <= 0:
            return
        size = sum(len(str(value)) for value in content.get("data", content).values())
        if size > self.left:
            if kind == "stream":
                content["text"] = content["text"][: self.left]
            else:
                kind, content = "stream", {"name": "stderr", "text": ""}
            content["text"] += "\n… the rest of the output was cut off"
        self.left -= size
        wire.send(self.link, {"said": kind, **content})


SAID = Said()


class Stream(io.TextIOBase):
    """sys.stdout and sys.stderr of the student's code."""

    def __init__(self, name: str) -> None:
        self._name = name

    name = property(lambda self: f"<{self._name}>")
    encoding = "utf-8"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return 1 if self._name == "stdout" else 2

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() takes a str, not {type(text).__name__}")
        SAID("stream", name=self._name, text=text)
        return len(text)


def warm_up(modules: list[str]) -> None:
    """Import what submissions need, and make the shell that runs their cells."""
    global SHELL
    os.environ.update(MPLBACKEND="module://matplotlib_inline.backend_inline", MPLCONFIGDIR="/tmp/mpl")
    import matplotlib.pyplot as plt
    import torch
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    torch.set_num_threads(1)
    for name in modules:
        with contextlib.suppress(Exception):  # the cell that needs it will say so
            importlib.import_module(name)

    class Publisher(DisplayPublisher):
        def publish(self, data, metadata=None, source=None, *, transient=None, update=False, **_):
            SAID("display_data", **_plain(data, metadata))

    class Hook(DisplayHook):
        def start_displayhook(self):
            pass

        def write_output_prompt(self):
            pass

        def write_format_data(self, format_dict, md_dict=None):
            SAID("execute_result", **_plain(format_dict, md_dict))

        def finish_displayhook(self):
            pass

    class Shell(InteractiveShell):
        kernel = None  # course_lib.viz asks whether anybody looks

        def _showtraceback(self, etype, evalue, stb):
            try:
                text = str(evalue)[:4000]
            except BaseException:  # noqa: BLE001 - it is the student's
                text = ""
            SAID("error", ename=etype.__name__, evalue=text, traceback=[line[:4000] for line in stb[-60:]])

        def enable_gui(self, gui=None):
            pass

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    config.InteractiveShell.xmode = "Context"
    SHELL = Shell.instance(config=config, display_pub_class=Publisher, displayhook_class=Hook, profile_dir=None)
    SHELL.run_line_magic("matplotlib", "inline")
    sys.modules["__main__"] = SHELL.user_module  # where student code believes to be
    SHELL.run_cell("1")  # the first cell is slow
    weight = torch.nn.Parameter(torch.ones(2))  # the first gradient and the first step of an optimiser take seconds
    torch.autograd.grad(weight.sum(), weight)
    weight.sum().backward()
    torch.optim.SGD([weight], lr=0.1).step()
    plt.close(plt.figure())
    by_hand.prepare()
    warnings.resetwarnings()
    warnings.simplefilter("ignore", DeprecationWarning)


def drop_fonts() -> None:
    """matplotlib lets go of its fonts in every child that is forked: once, here, is cheaper."""
    with contextlib.suppress(Exception):
        sys.modules["matplotlib.font_manager"]._get_font.cache_clear()


def _plain(data: dict, metadata: dict | None) -> dict:
    import base64

    kept = {}
    for kind, value in data.items():
        if kind in wire.MIMES:
            kept[kind] = base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
    alt = (metadata or {}).get("image/png", {})
    return {"data": kept, "alt": str(alt.get("alt", ""))[:2000] if isinstance(alt, dict) else ""}


def serve(link: socket.socket, limits: dict) -> None:
    """Do what the grader says: run a cell, or fork for a check."""
    if limits["forbidden"]:
        by_hand.load_nothing_more()
    for name in OURS:
        sys.modules.pop(name, None)
    sys.stdin = open(os.devnull)  # noqa: SIM115
    sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    watch = Watchman(SHELL)
    seed_all(limits["seed"])
    myself = os.getpid()
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    os.register_at_fork(after_in_child=partial(_leave, link))
    wire.send(link, {"works": True})
    while True:
        try:
            request, _, fds = wire.receive(link)
        except KeyboardInterrupt:
            continue  # it came after the cell had ended
        except wire.WireError:
            os._exit(0)
        if "cell" in request:
            watch.on = True
            SAID.link, SAID.left = link, limits["output"]
            _allow_memory(limits["memory"])
            good = _run(request["cell"])
            _allow_memory(most)
            if os.getpid() != myself:  # a process that the cell forked and let run on
                os._exit(0)
            SAID.link, watch.on = None, False
            wire.send(link, {"done": good, "flags": watch.take()})
        elif "check" in request:
            drop_fonts()
            if _fork_for(link, fds[0]) == 0:
                try:
                    Checked(socket.socket(fileno=fds[0]), SHELL.user_ns).serve()
                finally:
                    os._exit(0)


def _allow_memory(size: int) -> None:
    """Bytes that this process may hold, as far as nobody set the limit lower for good."""
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (size, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _fork_for(link: socket.socket, fd: int) -> int:
    """Fork a child for the grader to talk to over the socket `fd`, and give it a handle on the child; 0 in the child."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    child = _fork(link)
    if child:
        handle = os.pidfd_open(child)
        wire.send(link, {"forked": True}, fds=[handle])
        for each in (fd, handle):
            os.close(each)
    return child


def _fork(link: socket.socket) -> int:
    """What os.fork() mends in the child takes as long as many a check; without other threads there is nothing to mend."""
    if _thread._count():
        return os.fork()
    child = FORK()
    if child < 0:
        raise BlockingIOError("no process could be made")
    if not child:
        _leave(link)
    return child


def _leave(link: socket.socket) -> None:
    """In a process that was forked: what it says to the grader would mix with what this one says."""
    SAID.link = None
    link.close()


def _run(source: str) -> bool:
    """Run a cell as a notebook would."""
    try:
        result = SHELL.run_cell(source, store_history=False)
        sys.stdout.flush()
        return bool(result.success)
    except KeyboardInterrupt:
        SAID("error", ename="KeyboardInterrupt", evalue="", traceback=[])
        return False
