"""Only the cells of an assignment that one exercise's checks rest on: a notebook that is judged in a fraction of the time."""

from __future__ import annotations

import ast
from copy import deepcopy
from functools import lru_cache

from nbformat import NotebookNode

from autograder.plan import bound, parse


def sliced(source: NotebookNode, grade_id: str, answer: str) -> NotebookNode:
    """The cells on which the checks of one solution cell rest, with an answer in its place; the rest is left out.

    A check belongs to the exercise if a name that it reads comes from the solution cell, directly or through other
    cells. What a cell changes without assigning to it (`train(net)` in a cell of its own) is not seen: whoever uses a
    slice must see that the right answer passes in it.

    Args:
        source: the instructor's notebook, whose solution cells hold the reference solution.
        grade_id: the solution cell.
        answer: what stands in it instead.
    """
    notebook = answered(source, grade_id, answer)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    reference = {id(new): old.source for new, old in zip(notebook.cells, source.cells)}
    rests_on: list[set[int]] = []  # the cells that define what a cell reads
    depends: list[set[str]] = []  # the solution cells that what a cell does depends on
    latest: dict[str, int] = {}  # the cell that defined a name last
    for number, cell in enumerate(cells):
        # Written in another style, an answer may read and define other names than the reference.
        names = [_names(text) for text in (reference[id(cell)], cell.source)]
        rests_on.append({latest[name] for read, _ in names for name in read if name in latest})
        about = cell.metadata.get("nbgrader", {})
        depends.append(set().union(*(depends[other] for other in rests_on[number])))
        if about.get("solution"):
            depends[number].add(about["grade_id"])
        if not _is_check(cell):
            latest.update({name: number for _, defined in names for name in defined})
    wanted = {number for number, cell in enumerate(cells) if _is_check(cell) and grade_id in depends[number]}
    pending = [other for number in wanted for other in rests_on[number] if depends[other]]
    while pending:
        number = pending.pop()
        if number not in wanted:
            wanted.add(number)
            pending += rests_on[number]
    notebook.cells = [cells[number] for number in sorted(wanted)]
    return notebook


def answered(source: NotebookNode, grade_id: str, answer: str) -> NotebookNode:
    """The instructor's notebook with another answer in one solution cell."""
    notebook = deepcopy(source)
    (cell,) = (c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)
    cell.source = answer
    return notebook


@lru_cache(1000)  # an audit makes many slices of the same few cells
def _names(text: str) -> tuple[set[str], set[str]]:
    """What the code reads first, and what it defines."""
    tree = parse(text)
    return read_first(tree), bound(tree)


def _is_check(cell: NotebookNode) -> bool:
    about = cell.metadata.get("nbgrader", {})
    return bool(about.get("grade") and not about.get("solution"))


def read_first(tree: ast.Module) -> set[str]:
    """The names that a cell reads before it has given them a value itself; in doubt a name is among them."""
    reader = _Reader()
    reader.visit(tree)
    return reader.read


class _Reader(ast.NodeVisitor):
    """Walks through code in the order in which it runs."""

    def __init__(self) -> None:
        self.read: set[str] = set()
        self.known: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.known.add(node.id)
        elif node.id not in self.known:
            self.read.add(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._visit(node.value, *node.targets)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._visit(node.annotation, node.value, node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._visit(node.value, node.target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._visit(node.value, *(ast.Name(n.id, ast.Load()) for n in ast.walk(node.target) if isinstance(n, ast.Name)))

    def visit_For(self, node: ast.For) -> None:
        self._visit(node.iter, node.target, *node.body, *node.orelse)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.known |= bound(ast.Module([node], []))

    visit_ImportFrom = visit_Import

    def visit_If(self, node: ast.If | ast.While) -> None:
        self.visit(node.test)
        self._apart(*node.body)
        self._apart(*node.orelse)

    visit_While = visit_If

    def visit_Try(self, node: ast.Try) -> None:
        for handler in node.handlers:
            self._apart(*node.body, handler)
        self._apart(*node.body, *node.orelse)
        self._visit(*node.finalbody)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._visit(node.type)
        self.known |= {node.name} - {None}
        self._visit(*node.body)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._visit(node.iter, node.target, *node.ifs)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._apart(*node.generators, node.elt)

    visit_SetComp = visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._apart(*node.generators, node.key, node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit(*node.decorator_list, node.args, node.returns)
        self.known.add(node.name)
        self._apart(*node.body, known=_parameters(node.args) | bound(ast.Module(node.body, [])))

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit(node.args)
        self._apart(node.body, known=_parameters(node.args))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit(*node.decorator_list, *node.bases, *node.keywords)
        self._apart(*node.body)
        self.known.add(node.name)

    def _visit(self, *nodes: ast.AST | None) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def _apart(self, *nodes: ast.AST, known: set[str] = frozenset()) -> None:
        """Walk through a scope of its own, or code that may not run: what it defines is not known afterwards."""
        before, self.known = self.known, self.known | known
        self._visit(*nodes)
        self.known = before


def _parameters(arguments: ast.arguments) -> set[str]:
    return {node.arg for node in ast.walk(arguments) if isinstance(node, ast.arg)}
