"""A process for work that is to be done by hand: what is forbidden is taken out of it before any student code runs there.

So there is nothing to get around: no alias, thread, helper process or patched watch finds an operator that is not there.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import gc
import re
import sys
import sysconfig
import types
from collections.abc import Callable, Collection
from importlib.util import cache_from_source

__builtins__ = dict(vars(builtins))  # see runner.py
KERNELS = (  # where an operator's kernel may be registered that a CPU can run
    "CPU", "MkldnnCPU", "QuantizedCPU", "SparseCPU", "NestedTensorCPU",
    "CompositeImplicitAutograd", "CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional",
    "FuncTorchBatched", "FuncTorchBatchedDecomposition", "FuncTorchVmapMode", "FuncTorchDynamicLayerFrontMode",
    "Functionalize",
)  # fmt: skip
PYTHON = re.compile(  # where layers, losses, optimisers and gradients are that are written in Python
    r"torch\.(nn|optim|_refs|_decomp|_prims|functional|masked|_numpy|_native|ao|autograd|_functorch|sparse|special|_tensor)\b|"
    r"(numpy|scipy|sklearn)\b"
)
C = re.compile(r"(numpy|scipy\.(special|ndimage|signal))\b")  # where they are that are not
# TorchScript has a convolution of its own, which no operator of torch's dispatcher shows: no scripts, then.
SCRIPTS = re.compile(
    r"jit|parse_ir|ir_module|_get_operation|_create_(function|method|module|object)|mobile|lite_interpreter|"
    r"static_module|package_version|^(_te|_aoti)$"
)
SCRIPT_CLASSES = (
    "Graph", "CompilationUnit", "ScriptModule", "LiteScriptModule", "ScriptObject", "ScriptMethod", "ScriptFunction",
)  # fmt: skip
CONVOLUTIONS = re.compile(r"convolve|correlate|_filter(1d)?$")  # those of numpy and scipy
PICTURES = {"filter", "rankfilter", "gaussian_blur", "unsharp_mask", "box_blur", "resize", "reduce", "transform"}
OPERATORS: dict[str, tuple] = {}  # torch's: space, name with and without overload, where each has a kernel of those
FUNCTIONS: dict[str, list] = {}  # by name: those in Python, and for those in C the names of a module that knows them
NAMES: list[tuple[dict, object]] = []  # the dicts, such as a module's names, that hold what goes, and where
FILES: set[str] = set()  # where functions stood in Python
CALLED: list[str] = []  # what was refused


class Refused(AssertionError):
    """What is to be built by hand was called."""


def prepare() -> None:
    """Look around, in the process from which others are forked: this takes longer than what is done to each of them."""
    import torch

    for name in torch._C._dispatch_get_all_op_names():
        space, _, overload = name.partition("::")
        keys = tuple(k for k in KERNELS if torch._C._dispatch_has_kernel_for_dispatch_key(name, k))
        OPERATORS[name] = space, overload, overload.partition(".")[0], keys
        with contextlib.suppress(Exception):  # later nobody could look it up
            packet = getattr(getattr(torch.ops, space), overload.partition(".")[0])
            getattr(packet, overload.partition(".")[2] or "default")
            torch._library.simple_registry.singleton.find(name)
    for found in gc.get_objects():
        if type(found) is types.FunctionType and PYTHON.match(found.__module__ or ""):
            FUNCTIONS.setdefault(found.__name__, []).append(found)
        elif type(found) is dict and C.match(_title(found)):
            for name, thing in found.items():
                if callable(thing) and not isinstance(thing, type | types.FunctionType):
                    FUNCTIONS.setdefault(name, []).append(found)
    gone = [thing for name, thing in vars(torch._C).items() if SCRIPTS.search(name)]
    ids = set(map(id, gone))
    for held in gc.get_referrers(*gone):
        if type(held) is dict:
            NAMES.extend((held, key) for key, value in held.items() if id(key) in ids or id(value) in ids)


def _title(names: dict) -> str:
    """The module whose names these are; Python keeps a copy of some modules' for the next import."""
    title = names.get("__name__")
    return title if type(title) is str else ""


def take_out(pattern: str) -> None:
    """Leave nothing finished whose name the pattern finds, no convolution of other libraries, and no TorchScript."""
    import torch

    found = re.compile(pattern).search
    _take_out_operators(found)
    _take_out_functions(lambda name: found(name) or CONVOLUTIONS.search(name))
    if found("backward"):
        _take_out_methods(type(torch.autograd.Variable._execution_engine), {"run_backward"}, "torch's")
    if "PIL.Image" in sys.modules:
        _take_out_methods(type(sys.modules["PIL.Image"].core.new("L", (1, 1))), PICTURES, "PIL's")
    _take_out_scripts()
    for memory in (OPERATORS, FUNCTIONS, NAMES):
        memory.clear()


def _take_out_operators(found: Callable[[str], object]) -> None:
    """A registration has no owner left that Python could ask to undo it."""
    import torch

    owners = {}
    for space, overload, name, keys in OPERATORS.values():
        for key in keys if found(name) else ():
            if (space, key) not in owners:
                owners[space, key] = owner = torch._C._dispatch_library("IMPL", space, key, "", 1)
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(owner))
            owners[space, key].impl(overload, key, _refusal(f"torch's finished {name}"))


def _take_out_functions(found: Callable[[str], object]) -> None:
    for name, functions in FUNCTIONS.items():
        for function in functions if found(name) else ():
            about = _title(function) if type(function) is dict else function.__module__
            what = f"{about.partition('.')[0]}'s finished {name.strip('_')}"
            if type(function) is dict:
                function[name] = _refusal(what)
            else:  # whoever knows it by another name finds it empty, too
                FILES.add(function.__code__.co_filename)
                function.__code__ = _refusing(what, function.__code__.co_freevars)


def _take_out_methods(kind: type, names: Collection[str], whose: str) -> None:
    """Methods of a type in C, which nobody could change otherwise."""
    methods = gc.get_referents(vars(kind))[0]
    for name in methods.keys() & names:
        methods[name] = _refusal(f"{whose} finished {name}")
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def _take_out_scripts() -> None:
    import torch

    for kind in (getattr(torch._C, name) for name in SCRIPT_CLASSES):
        for name in [name for name, method in vars(kind).items() if callable(method)]:
            setattr(kind, name, _refusal(f"TorchScript ({kind.__name__}.{name})"))
    for names, name in NAMES:
        if type(name) is str:
            names[name] = _refusal(f"TorchScript ({name})")
        else:
            del names[name]
    torch.jit._builtins._builtin_ops.clear()


def _refusal(what: str):
    def refuse(*_, **__):
        CALLED.append(what)
        raise Refused(_sentence(what))

    return refuse


def _refusing(what: str, free: tuple[str, ...]) -> types.CodeType:
    """The code of a function that refuses, for one with these free variables."""

    def refuse(*_, **__):
        raise AssertionError("")

    constants = tuple(_sentence(what) if constant == "" else constant for constant in refuse.__code__.co_consts)
    return refuse.__code__.replace(co_consts=constants, co_freevars=free)


def _sentence(what: str) -> str:
    advice = "write that out with arithmetic, slices, sums, einsum, matmul or unfold"
    return f"this exercise is to be built by hand, but the code calls {what}; {advice}."


def load_nothing_more() -> None:
    """Refuse machine code that is not loaded yet, but for Python's own, the ways of ctypes to it, and what stood in Python."""
    own = sysconfig.get_path("stdlib") + "/lib-dynload/"
    gone = frozenset(FILES) | frozenset(map(cache_from_source, FILES))

    # Nothing that it uses can be changed from outside: no name is looked up but its own.
    def hear(event, arguments, own=own, gone=gone, error=ImportError, denied=PermissionError):
        if event.startswith("ctypes."):
            raise error("this exercise is to be built by hand, in Python: ctypes is not there.")
        file = arguments[1] if event == "import" else None
        if file is not None and (not file.startswith(own) or ".." in file):
            raise error("this exercise is to be built by hand: no other library can be loaded.")
        if event == "open" and arguments[0] in gone:
            raise denied("this exercise is to be built by hand: no finished function can be loaded again.")

    # Python code neither takes such a hook off nor finds it: Python keeps no list of it, and from here on nor does gc.
    for step in (ctypes.pythonapi.Py_IncRef, ctypes.pythonapi.PyObject_GC_UnTrack):
        step(ctypes.py_object(hear))
    sys.addaudithook(hear)
