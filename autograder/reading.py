"""Reading a student's code for what an instructor may want to look at. It flags and never judges."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Collection, Sequence
from functools import lru_cache

from autograder.names import bound, parse, used

NAMES = {
    "ast_transformers": "changes how IPython reads cells",
    "input_transformers_cleanup": "changes how IPython reads cells",
    "input_transformers_post": "changes how IPython reads cells",
    "run_cell_async": "replaces how IPython runs cells",
    "set_custom_exc": "changes how errors are shown",
    "showtraceback": "changes how errors are shown",
    "displayhook": "changes how results are shown",
    "_getframe": "looks at the code that calls it",
    "currentframe": "looks at the code that calls it",
    "settrace": "traces the code that calls it",
    "setprofile": "traces the code that calls it",
    "get_objects": "searches Python's memory",
    "get_referrers": "searches Python's memory",
    "_exit": "ends its process",
    "kill": "sends signals",
    "killpg": "sends signals",
    "fork": "starts processes",
    "closerange": "closes files that are not its own",
    "dup2": "replaces files that are not its own",
    "abort": "ends its process",
    "_dispatch_library": "changes torch's operators",
    "__globals__": "reaches for what runs it",
    "__class__": "changes or reads an object's class",
    "__subclasshook__": "redefines what counts as a subclass",
    "__instancecheck__": "redefines what counts as an instance",
}
MODULES = {
    "ctypes": "reaches past Python",
    "socket": "uses the network",
    "requests": "uses the network",
    "urllib": "uses the network",
    "http": "uses the network",
    "subprocess": "starts programs",
    "multiprocessing": "starts processes",
    "gc": "searches Python's memory",
    "inspect": "looks at the code that calls it",
    "builtins": "reaches into Python's built-in functions",
    "nbgrader": "reaches for the grader",
    "autograder": "reaches for the grader",
    **dict.fromkeys(
        ("runner", "checked", "watchman", "wire", "values", "zygote", "seccomp"), "reaches for what runs it"
    ),
}
CALLS = {"exec": "runs code from text", "eval": "runs code from text", "compile": "runs code from text"}
REPLACED = {
    "torch",
    "np",
    "numpy",
    "F",
    "nn",
    "plt",
    "builtins",
    "__builtins__",
    "checks",
    "sys",
    "os",
    "json",
    "random",
}
COMPARISONS = {"__eq__", "__ne__", "__lt__", "__gt__", "__le__", "__ge__", "__bool__", "__float__"}


def suspicions(source: str) -> list[str]:
    """Sentences on what stands out in a cell, such as "its code starts programs (subprocess)"."""
    found: dict[str, None] = {}

    def note(what: str, where: str) -> None:
        found[f"its code {what} ({where})"] = None

    for node in ast.walk(parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in NAMES and not _is_super(node):
            note(NAMES[node.attr], node.attr)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for module in modules:
                if what := MODULES.get(module.partition(".")[0]):
                    note(what, module)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            note(CALLS[node.func.id], node.func.id)
        elif isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name in COMPARISONS:
                    note("redefines how its objects compare", f"{node.name}.{part.name}")
        elif isinstance(node, ast.Assign | ast.AugAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Attribute):
                    if _root(target) in REPLACED and "backends" not in ast.unparse(target):
                        note("replaces a library's function", ast.unparse(target))
                elif isinstance(target, ast.Name) and target.id in (
                    "AssertionError",
                    "isinstance",
                    "type",
                    "abs",
                    "len",
                ):
                    note("replaces a built-in name", target.id)
        elif isinstance(node, ast.BinOp | ast.FormattedValue) and _text(node).isidentifier():
            note("puts a name together", _text(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("/proc/"):
            note("reads about other processes", node.value[:60])
    return list(found)


def _is_super(node: ast.Attribute) -> bool:
    return node.attr == "__class__" and not isinstance(getattr(node, "ctx", None), ast.Store)


def _text(node: ast.AST) -> str:
    """The text that constants come to: "get" + "attr", f"{'get'}attr"; empty where there is none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.FormattedValue):
        return _text(node.value)
    parts = [node.left, node.right] if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) else []
    texts = [_text(part) for part in (node.values if isinstance(node, ast.JoinedStr) else parts)]
    return "".join(texts) if all(texts) else ""


# Work to be done by hand.

LIBRARIES = {"scipy", "cv2", "skimage", "PIL", "tensorflow", "jax", "kornia"}
HELPERS = {"multiprocessing", "subprocess", "concurrent", "socket", "ctypes", "cffi", "importlib", "runpy", "marshal"}
COURSE = {"course_lib.ops", "course_lib.layers", "course_lib.models"}
FINISHED = {"convolve", "correlate", "convolve2d", "correlate2d", "fftconvolve", "oaconvolve"}
STARTS = {"fork", "forkpty", "posix_spawn", "system", "popen", "execv", "execve"}
RUNNER = {"runner", "checked", "watchman", "wire", "values", "zygote", "seccomp", "ctypes", "gc"}
TAMPERING = {
    "_getframe", "f_back", "f_globals", "f_locals", "f_builtins", "tb_frame", "gi_frame", "cr_frame", "__globals__",
    "__subclasses__", "settrace", "setprofile", "_dispatch_library", "_pop_mode", "_disable_current_modes",
    "DisableTorchFunction", "DisableTorchFunctionSubclass", "_DisableTorchDispatch", "_push_mode", "_op_dk",
    "redispatch", "_python_dispatch", "WATCH", "get_objects", "get_referrers",
}  # fmt: skip
GLOBALS = {"__globals__", "f_globals"}  # ways into what runs it that have no honest use


def not_by_hand(cells: Sequence[str], names: Collection[str], *, only_course: bool = False) -> str:
    """Why what a notebook defines under `names` does not count as built by hand; "" if nothing shows.

    The watch of `by_hand` sees torch's operators as they run. This finds by reading what runs past it: another
    library's convolution, a process that computes for it, a reach into the watch itself.

    Args:
        cells: the sources of all code cells.
        names: what the check asks for.
        only_course: other libraries are allowed, as under `own_work`.
    """
    about = [entry for cell in cells for entry in _statements(cell)]
    if what := next((what for *_, what in about if what), ""):  # any of them may have prepared what the others find
        return f"reaches into the process that runs it ({what})"
    for statement in _rested_on(about, set(names)):
        for node in ast.walk(statement):
            if what := _finished(node, COURSE if only_course else COURSE | LIBRARIES | HELPERS):
                return f"uses {what}"
            if what := _tampers(node):
                return f"reaches into the process that runs it ({what})"
    return ""


def _tampers(node: ast.AST) -> str:
    for module in _imports(node):
        if module.partition(".")[0] in RUNNER:
            return module
    if (name := _named(node)) in TAMPERING:
        return name
    if isinstance(node, ast.Attribute) and node.attr == "modules" and _root(node) == "sys":
        return "sys.modules"
    if isinstance(node, ast.Name) and node.id == "__import__":
        return node.id
    return ""


def _takes_apart(statement: ast.stmt) -> str:
    return next((name for node in ast.walk(statement) if (name := _named(node)) in GLOBALS), "")


def _named(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else _text(node)


def _finished(node: ast.AST, refused: set[str]) -> str:
    for module in _imports(node):
        if module.partition(".")[0] in refused or ".".join(module.split(".")[:2]) in refused:
            return module
    if isinstance(node, ast.Attribute) and node.attr in FINISHED and "scipy" in refused:
        return node.attr
    if isinstance(node, ast.Attribute) and node.attr in STARTS and _root(node) == "os":
        return f"os.{node.attr}"
    if isinstance(node, ast.Attribute) and node.attr in HELPERS | {"os", "sys"} and "scipy" in refused:
        return ast.unparse(node)  # a module by way of another, such as torch.multiprocessing
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
        return f"{node.func.id}()"
    return ""


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


@lru_cache(maxsize=1000)
def _statements(cell: str) -> list[tuple[ast.stmt, set[str], set[str], str]]:
    """A cell's statements, each with the names it changes, those it uses, and what it takes apart; kept for all checks."""
    return [
        (statement, _changed(statement), _globals(statement), _takes_apart(statement)) for statement in parse(cell).body
    ]


def _rested_on(about: list[tuple[ast.stmt, set[str], set[str], str]], names: set[str]) -> list[ast.stmt]:
    """The statements that define or change these names, or what those use, and so on."""
    chosen: list[ast.stmt] = []
    while True:
        found = [entry for entry in about if entry[1] & names]
        if not found:
            return chosen
        about = [entry for entry in about if entry not in found]
        chosen += [statement for statement, *_ in found]
        names = names.union(*(uses for _, _, uses, _ in found))


def _changed(statement: ast.stmt) -> set[str]:
    """The names that a statement binds, or whose objects it fills (`tools["f"] = …`, `tools.append(…)`)."""
    names = bound(ast.Module([statement], []))
    for node in ast.walk(statement):
        if isinstance(node, ast.Global):
            names.update(node.names)
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            names.add(_root(node))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            names.add(_root(node.value.func) if isinstance(node.value.func, ast.Attribute) else "")
    return names - {""}


def _globals(statement: ast.stmt) -> set[str]:
    """The names that a statement reads from the notebook, and not from its own functions."""

    def read(table: symtable.SymbolTable, top: bool) -> set[str]:
        found = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())}
        return found.union(*(read(inner, False) for inner in table.get_children()))

    try:
        return read(symtable.symtable(ast.unparse(statement), "<cell>", "exec"), True)
    except (SyntaxError, ValueError, RecursionError):
        return used(statement)
