"""What is noticed about a student's cells while they run."""

from __future__ import annotations

import builtins
import sys

__builtins__ = dict(vars(builtins))  # see runner.py
EVENTS = {
    "socket.connect": "opened a network connection",
    "socket.getaddrinfo": "looked up a host",
    "socket.bind": "opened a server",
    "os.fork": "forked a process",
    "os.forkpty": "forked a process",
    "os.posix_spawn": "started a program",
    "subprocess.Popen": "started a program",
    "os.system": "started a program",
    "ctypes.dlopen": "loaded a C library",
    "os.kill": "sent a signal",
    "gc.get_objects": "searched Python's memory",
}


class Watchman:
    """An audit hook, which Python code cannot take off, and a look at what has been patched."""

    def __init__(self, shell) -> None:
        self.shell = shell
        self.on = False
        self.found: dict[str, None] = {}
        self.before = self.snapshot()
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple) -> None:
        if self.on and len(self.found) < 50:
            said = EVENTS.get(event)
            if said:
                self.found[f"its code {said} ({event})"] = None
            elif event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(("/proc", "/sys")):
                self.found[f"its code opened {arguments[0][:100]}"] = None

    def snapshot(self) -> dict[str, object]:
        import numpy.testing
        import torch

        shell = self.shell
        watched = {f"builtins.{name}": value for name, value in vars(builtins).items() if name != "_"}
        for module, names in (
            (numpy.testing, ("assert_allclose", "assert_array_equal", "assert_equal", "assert_almost_equal")),
            (torch, ("allclose", "equal", "isclose")),
            (torch.testing, ("assert_close",)),
        ):
            watched |= {f"{module.__name__}.{name}": getattr(module, name, None) for name in names}
        checks = sys.modules.get("course_lib.checks")
        watched |= (
            {f"course_lib.checks.{k}": v for k, v in vars(checks).items() if not k.startswith("__")} if checks else {}
        )
        watched |= {
            "IPython's input transformers": list(shell.input_transformers_cleanup + shell.input_transformers_post),
            "IPython's AST transformers": list(shell.ast_transformers),
            "IPython's run_cell": (
                type(shell).run_cell,
                vars(shell).get("run_cell"),
                vars(shell).get("run_cell_async"),
            ),
            "IPython's showtraceback": (vars(shell).get("showtraceback"), vars(shell).get("_showtraceback")),
            "IPython's exception handlers": (shell.custom_exceptions, vars(shell).get("CustomTB")),
            "sys.displayhook": type(sys.displayhook),
            "sys.excepthook": sys.excepthook,
        }
        return watched

    def take(self) -> list[str]:
        """What was noticed since the last time."""
        try:
            now = self.snapshot()
            for name in self.before.keys() & now.keys():
                if not _same(self.before[name], now[name]) and name not in ("builtins.get_ipython", "builtins.display"):
                    self.found[f"its code replaced {name}"] = None
        except Exception as error:  # noqa: BLE001
            self.found[f"its code damaged the runner ({type(error).__name__})"] = None
        said = list(self.found)
        self.found = {}
        return said


def _same(one: object, other: object) -> bool:
    if type(one) in (list, tuple) and type(one) is type(other):
        return len(one) == len(other) and all(a is b for a, b in zip(one, other))
    return one is other
