"""Reading a student's code for what an instructor may want to look at. It flags and never judges."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

from autograder.names import bound, parse, plain, used

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
RUNNER = {"runner", "checked", "watchman", "wire", "values", "zygote", "seccomp", "by_hand"}
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
    **dict.fromkeys(RUNNER, "reaches for what runs it"),
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
TAMPERING = {
    "_getframe", "f_back", "f_globals", "f_locals", "f_builtins", "tb_frame", "gi_frame", "cr_frame", "__globals__",
    "__subclasses__", "settrace", "setprofile", "_dispatch_library", "_pop_mode", "_disable_current_modes",
    "DisableTorchFunction", "DisableTorchFunctionSubclass", "_DisableTorchDispatch", "_push_mode", "_op_dk",
    "redispatch", "_python_dispatch", "WATCH", "get_objects", "get_referrers",
}  # fmt: skip


def not_by_hand(cells: Sequence[str], names: Collection[str], *, only_course: bool = False) -> str:
    """Why what a notebook defines under `names` does not count as built by hand; "" if nothing shows.

    Where it runs, torch's finished operators are not there. This finds by reading what is no work by hand either, and
    tells the student why: another library's convolution, code from text, a reach into the watch of `by_hand`.

    Args:
        cells: the sources of all code cells.
        names: what the check asks for.
        only_course: other libraries are allowed, as under `own_work`.
    """
    for found in _rested_on([one for cell in cells for one in _statements(cell)], set(names)):
        for node in ast.walk(ast.Module(found.nodes, [])):
            if what := _finished(node, COURSE if only_course else COURSE | LIBRARIES | HELPERS):
                return f"uses {what}"
            if what := _tampers(node):
                return f"reaches into the process that runs it ({what})"
    return ""


def _tampers(node: ast.AST) -> str:
    for module in _imports(node):
        if module.partition(".")[0] in RUNNER | {"ctypes", "gc"}:
            return module
    if (name := _named(node)) in TAMPERING:
        return name
    if isinstance(node, ast.Attribute) and node.attr == "modules" and _root(node) == "sys":
        return "sys.modules"
    if isinstance(node, ast.Name) and node.id == "__import__":
        return node.id
    return ""


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


@dataclass(eq=False)
class _Statement:
    """A statement of a cell; those that share a line are one."""

    nodes: list[ast.stmt]
    changes: set[str]  # names that it binds, or whose objects it fills
    uses: set[str]  # names that it reads from the notebook
    lines: range  # in its cell, from 0

    @property
    def settled(self) -> bool:
        """Whether what it binds can only be changed in plain sight: modules, functions, classes and constants."""
        definitions = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        return all(
            isinstance(node, definitions) or (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant))
            for node in self.nodes
        )


def only(cells: Sequence[str], names: Collection[str]) -> list[str]:
    """What the names rest on: of each cell the statements that define or change them, or what those use, and so on.

    A statement that so much as uses an object may change it: `train(net)`. All other lines are empty comments, so that an
    error finds its line; a cell with nothing in it is empty.
    """
    statements = [_statements(cell) for cell in cells]
    everything = [one for some in statements for one in some]
    settled = set().union(*(bound(ast.Module(one.nodes, [])) for one in everything if one.settled))
    objects = set().union(*(one.changes for one in everything)) - settled
    changes = {id(one): one.changes | (set() if one.settled else one.uses & objects) for one in everything}
    chosen = set(map(id, _rested_on(everything, set(names), lambda one: changes[id(one)])))
    sources = []
    for cell, some in zip(cells, statements):
        kept = {number for one in some if id(one) in chosen for number in one.lines}
        lines = plain(_below_magic(cell)).rstrip("\n").split("\n") if kept else []
        sources.append("\n".join(line if number in kept else "#" for number, line in enumerate(lines)))
    return sources


def _below_magic(cell: str) -> str:
    """A cell without %%time and the like, below which stands Python, too; with the line ends that Python counts."""
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    first, _, rest = cell.partition("\n")
    return f"#\n{rest}" if first.startswith("%%") else cell


@lru_cache(maxsize=1000)
def _statements(cell: str) -> list[_Statement]:
    """A cell's statements; kept, for every check reads them."""
    found: list[_Statement] = []
    for node in parse(_below_magic(cell)).body:
        first = min(part.lineno for part in (node, *getattr(node, "decorator_list", ()))) - 1
        one = _Statement([node], _changed(node), _globals(node), range(first, node.end_lineno))
        if found and first < found[-1].lines.stop:
            before = found.pop()
            lines = range(before.lines.start, one.lines.stop)
            one = _Statement([*before.nodes, node], before.changes | one.changes, before.uses | one.uses, lines)
        found.append(one)
    return found


def _rested_on(
    statements: list[_Statement], names: set[str], changes: Callable[[_Statement], set[str]] = attrgetter("changes")
) -> list[_Statement]:
    """The statements that define or change these names, or what those use, and so on."""
    chosen: list[_Statement] = []
    while found := [one for one in statements if changes(one) & names]:
        chosen += found
        statements = [one for one in statements if not changes(one) & names]
        names = names.union(*(one.uses for one in found))
    return chosen


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
