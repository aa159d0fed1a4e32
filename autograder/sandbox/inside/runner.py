"""One submission's process: runs its cells in IPython, and forks for each check a child that answers the grader.

Everything from here on may be changed by the student's code: whatever this process says is only a value to be judged.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import io
import operator
import os
import pickle
import random
import re
import signal
import socket
import sys
import warnings

import values
import wire

__builtins__ = dict(vars(builtins))  # this file's own: what student code puts into builtins does not reach it
OUTPUT_TYPES = {
    "text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg", "image/svg+xml",
}  # fmt: skip
KERNELS = (  # where an operator's kernel may be registered that a CPU can run
    "CPU", "MkldnnCPU", "QuantizedCPU", "SparseCPU", "NestedTensorCPU",
    "CompositeImplicitAutograd", "CompositeExplicitAutograd",
)  # fmt: skip
SHELL = None


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
    warnings.resetwarnings()
    warnings.simplefilter("ignore", DeprecationWarning)


def _plain(data: dict, metadata: dict | None) -> dict:
    import base64

    kept = {}
    for kind, value in data.items():
        if kind in OUTPUT_TYPES:
            kept[kind] = base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
    alt = (metadata or {}).get("image/png", {})
    return {"data": kept, "alt": str(alt.get("alt", ""))[:2000] if isinstance(alt, dict) else ""}


def serve(link: socket.socket, limits: dict) -> None:
    """Do what the grader says: run a cell, or fork for a check."""
    sys.stdin = open(os.devnull)  # noqa: SIM115
    sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    watch = Watchman(link)
    seed_all(limits["seed"])
    myself = os.getpid()
    os.register_at_fork(after_in_child=lambda: _leave(link))
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
            good = _run(request["cell"])
            if os.getpid() != myself:  # a process that the cell forked and let run on
                os._exit(0)
            SAID.link, watch.on = None, False
            wire.send(link, {"done": good, "flags": watch.take()})
        elif "check" in request:
            _reap()
            child = os.fork()
            if child == 0:
                try:
                    Checked(socket.socket(fileno=fds[0]), request).serve()
                finally:
                    os._exit(0)
            handle = os.pidfd_open(child)
            wire.send(link, {"forked": True}, fds=[handle])
            for fd in (*fds, handle):
                os.close(fd)


def _leave(link: socket.socket) -> None:
    """In a process that was forked: what it says would mix with what this one says."""
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


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def seed_all(seed: int) -> None:
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


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

    def __init__(self, link: socket.socket) -> None:
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

        shell = SHELL
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


class Checked:
    """The child that answers one check: looks names up, calls, reads and differentiates, until the grader hangs up."""

    def __init__(self, link: socket.socket, request: dict) -> None:
        import numpy as np
        import torch

        self.link, self.np, self.torch = link, np, torch
        self.heap = values.Heap()
        self.known: dict[str, tuple] = {}  # what each twin held when both sides last agreed
        self.forbidden: str | None = None
        self.called: list[str] = []  # of what is forbidden
        seed_all(request["seed"])
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        warnings.simplefilter("ignore")
        SAID.link = None  # what is printed during a check is not shown

    def serve(self) -> None:
        while True:
            try:
                request, blobs, _ = wire.receive(self.link)
            except wire.WireError:
                return
            self.answer(request, blobs)

    def answer(self, request: dict, blobs: list[bytes]) -> None:
        from course_lib import checks

        encoder = values.Encoder(self.heap)
        state = self.torch.get_rng_state() if "rng" in request else None
        try:
            for name in request.get("drop", ()):
                self.heap.drop(name) if isinstance(name, int) else self._forget(name)
            self.update(request.get("update", []), blobs)
            arguments = self._arguments(blobs[request["arguments"]]) if "arguments" in request else ()
            if "rng" in request:
                self.torch.set_rng_state(
                    self.torch.frombuffer(bytearray(blobs[request["rng"]]), dtype=self.torch.uint8)
                )
                state = self.torch.get_rng_state()
            with self.torch.set_grad_enabled(request.get("grad", True)):
                result = self.watched(request.get("watch", {}), getattr(self, f"do_{request['do']}"), *arguments)
            reply = {"value": encoder(result)}
        except values.TooLarge as error:
            reply = {"error": {"name": "TooLarge", "mro": [], "message": str(error)}}
        except BaseException as error:  # noqa: BLE001
            encoder = values.Encoder(self.heap)
            reply = {"error": self.describe(error)}
        try:
            reply["changed"] = [self.report(name, encoder) for name in list(self.heap.twins) if self.changed(name)]
        except BaseException as error:  # noqa: BLE001
            reply["changed"] = []
            reply.setdefault("error", self.describe(error))
        if self.called or checks.REFUSED:
            reply["called"] = True
            self.called, checks.REFUSED[:] = [], []
        if state is not None:
            reply["drew"] = not self.torch.equal(state, self.torch.get_rng_state())
        wire.send(self.link, reply, encoder.blobs)
        for name, tensor in self.heap.twins.items():
            if name not in self.known:
                self.remember(name, tensor)

    # What the grader may ask for.

    def do_name(self, name: str):
        return SHELL.user_ns[name]

    def do_get(self, target, name: str):
        return getattr(target, name)

    def do_set(self, target, name: str, value):
        setattr(target, name, value)

    def do_call(self, target, arguments: tuple, options: dict):
        return target(*arguments, **options)

    def do_operator(self, name: str, *operands):
        return getattr(operator, name)(*operands)

    def do_iterate(self, target):
        iterator = iter(target)
        return iterator if hasattr(type(iterator), "__next__") else None

    def do_next(self, iterator):
        try:
            return True, next(iterator)
        except StopIteration:
            return False, None

    def do_length(self, target):
        return len(target)

    def do_is(self, value, kind):
        return kind in type(value).__mro__ and not isinstance(value, type)

    def do_subclass(self, value, kind):
        return kind in value.__mro__

    def do_backward(self, outputs: list[int], gradients: list, names: list[str]):
        roots = [self.heap.graphs[number] for number in outputs]
        wanted = [self.heap.leaves.get(name, self.heap.twins[name]) for name in names]
        return self.torch.autograd.grad(roots, wanted, gradients, retain_graph=True, allow_unused=True)

    # How arguments come in: pickled by the grader, whom this process may trust.

    def _arguments(self, data: bytes):
        checked = self

        class Unpickler(pickle.Unpickler):
            def persistent_load(self, pid):
                kind, key = pid
                if kind == "handle":
                    return checked.heap.objects[key]
                if kind == "twin":
                    return checked.heap.twins[key]
                return checked.callback(key)

        return Unpickler(io.BytesIO(data)).load()

    def callback(self, number: int):
        """A function of the grader's, for the student's code to call."""

        def function(*arguments, **options):
            encoder = values.Encoder(self.heap)
            header = {"callback": number, "arguments": encoder((list(arguments), options))}
            wire.send(self.link, header, encoder.blobs)
            while True:
                request, blobs, _ = wire.receive(self.link)
                if "result" in request:
                    self.update(request.get("update", []), blobs)
                    return self._arguments(blobs[request["result"]])
                if "failed" in request:
                    raise RuntimeError(request["failed"])
                self.answer(request, blobs)  # a question in between

        return function

    # Tensors that live on both sides.

    def update(self, entries: list, blobs: list[bytes]) -> None:
        """Take over what the grader changed."""
        torch = self.torch
        for name, dtype, shape, blob, about in entries:
            fresh = values.unpixels(dtype, shape, blobs[blob])
            grad = about.get("grad")
            grad = values.unpixels(dtype, shape, blobs[grad]) if grad is not None else None
            tensor = self.heap.twins.get(name)
            if tensor is None:
                if about["parameter"]:
                    tensor = torch.nn.Parameter(fresh, requires_grad=about["requires_grad"])
                elif about["requires_grad"] and not about["leaf"]:
                    self.heap.leaves[name] = fresh.requires_grad_()
                    tensor = self.heap.leaves[name].clone()
                else:
                    tensor = fresh.requires_grad_(about["requires_grad"])
                self.heap.share(name, tensor)
            elif tensor.is_leaf:
                if tensor.dtype == fresh.dtype and tensor.shape == fresh.shape:
                    tensor.data.copy_(fresh)
                else:
                    tensor.data = fresh
                tensor.requires_grad_(about["requires_grad"])
            if tensor.is_leaf:
                tensor.grad = grad
            self.remember(name, tensor)

    def remember(self, name: str, tensor) -> None:
        grad = tensor.grad if tensor.is_leaf else None
        self.known[name] = tensor.detach().clone(), None if grad is None else grad.detach().clone()

    def changed(self, name: str) -> bool:
        if name not in self.known:
            return False
        tensor, (data, grad) = self.heap.twins[name], self.known[name]
        now = tensor.grad if tensor.is_leaf else None
        return not (self.equal(tensor.detach(), data) and (now is grad is None or self.equal(now, grad)))

    def equal(self, one, other) -> bool:
        if one is None or other is None or one.shape != other.shape or one.dtype != other.dtype:
            return False
        return values.pixels(one) == values.pixels(other)

    def report(self, name: str, encoder: values.Encoder) -> list:
        tensor = self.heap.twins[name]
        self.remember(name, tensor)
        data, grad = self.known[name]
        kept = None if grad is None else encoder.blob(values.pixels(grad.to(data.dtype)))
        shape = list(data.shape)
        return [name, values.DTYPES[data.dtype], shape, encoder.blob(values.pixels(data)), {"grad": kept}]

    def _forget(self, name: str) -> None:
        self.heap.unshare(name)
        self.known.pop(name, None)

    # Work that is to be done by hand.

    def watched(self, watch: dict, do, *arguments):
        if not watch:
            return do(*arguments)
        from course_lib import checks

        if watch.get("forbidden"):
            self.forbid(watch["forbidden"])
            with checks.by_hand(watch["forbidden"]):
                return do(*arguments)
        if watch.get("own"):
            with checks.own_work():
                return do(*arguments)
        return do(*arguments)

    def forbid(self, pattern: str) -> None:
        """Take the finished operators out of torch's dispatcher, for the rest of this check.

        No alias, thread or patched watch gets around this: whatever spelling reaches the operator finds it closed, and
        the registration has no owner left that Python could ask to undo it.
        """
        if self.forbidden == pattern:
            return
        self.forbidden = pattern
        finished = re.compile(pattern)

        def refuse(name: str):
            def closed(*_, **__):
                self.called.append(name)
                raise Refused(
                    f"this exercise is to be built by hand, but the code calls torch's finished {name}; "
                    "use slices, sums, einsum, matmul or unfold."
                )

            return closed

        import ctypes

        for operator_name in self.torch._C._dispatch_get_all_op_names():
            space, _, name = operator_name.partition("::")
            if finished.search(name.partition(".")[0]):
                for key in KERNELS:
                    try:
                        library = self.torch._C._dispatch_library("IMPL", space, key, "", 1)
                        library.impl(name, key, refuse(name.partition(".")[0]))
                    except RuntimeError:
                        continue
                    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))

    def describe(self, error: BaseException) -> dict:
        kinds = [kind for kind in type(error).__mro__ if kind.__module__ == "builtins"]
        try:
            message = str(error)
        except BaseException:  # noqa: BLE001
            message = ""
        line, frame = None, error.__traceback__
        while frame is not None:
            if frame.tb_frame.f_code.co_filename.startswith(("<ipython-input", "/tmp/ipykernel")):
                line = frame.tb_lineno
            frame = frame.tb_next
        return {
            "name": type(error).__name__[:200],
            "mro": [kind.__name__ for kind in kinds],
            "message": message[:4000],
            "line": line,
            "refused": isinstance(error, Refused)
            or "to be built by hand" in message
            or "leave torch here" in message
            or "to be written here" in message,
            "class": f"{type(error).__module__}.{type(error).__qualname__}"[:200],
        }


class Refused(AssertionError):
    """The watch refused a call."""
