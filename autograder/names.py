"""Which names a cell reads, defines and imports: seen in its code, without running it."""

from __future__ import annotations

import ast

from IPython.core.inputtransformer2 import TransformerManager


def plain(source: str) -> str:
    """A cell's source as Python, without magics."""
    return TransformerManager().transform_cell(source)


def parse(source: str) -> ast.Module:
    """A cell's syntax tree; empty if it is no Python."""
    try:
        return ast.parse(plain(source))
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


def used(tree: ast.AST) -> set[str]:
    """Every name that is read somewhere in the code."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def bound(tree: ast.Module) -> set[str]:
    """Every name that the code defines at its top level."""
    names: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            return
        if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            return
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name.partition(".")[0]) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    for statement in tree.body:
        visit(statement)
    return names


def imported(tree: ast.Module) -> list[str]:
    """Modules that the code imports, wherever it does."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append(node.module)
    return found


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
