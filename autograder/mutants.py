"""Small mistakes, made by machine: what the checks of an exercise should notice when its solution contains one.

Only what students write, the lines between the SOLUTION markers, is changed, one place at a time. Messages of errors
and docstrings are left alone, for no check reads them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from types import CodeType

from autograder.markers import SOLUTION

COMPARISONS = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
RELATED = [("max", "min"), ("amax", "amin"), ("argmax", "argmin"), ("maximum", "minimum"), ("sum", "mean")]
RELATED += [("zeros", "ones"), ("zeros_like", "ones_like"), ("new_zeros", "new_ones"), ("any", "all"), ("sin", "cos")]
RELATED += [("floor", "ceil"), ("softmax", "sigmoid"), ("sqrt", "square"), ("exp", "log"), ("train", "eval")]
SWAPPED = {**dict(RELATED), **{other: one for one, other in RELATED}}
DELETABLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.If, ast.For, ast.While, ast.Return, ast.Raise)


@dataclass(frozen=True)
class Mutant:
    """A solution with one mistake; `change` shows it as "line → other line", both as ast.unparse writes them."""

    source: str
    change: str


def mutants(source: str) -> list[Mutant]:
    """All mutants of a solution cell, in the order of its lines; none that compiles to the same code as another.

    Args:
        source: the cell as the master has it, with its markers.
    """
    tree = ast.parse(source)
    original = ast.unparse(tree)
    seen = {_fingerprint(compile(original, "<cell>", "exec"))}
    found = []
    for node, others in _sites(tree, _students_lines(source)):
        for other in others:
            mutated = ast.unparse(deepcopy(tree, {id(node): other}))  # a copy with `other` in the place of `node`
            try:
                code = _fingerprint(compile(mutated, "<cell>", "exec"))
            except (SyntaxError, ValueError):
                continue
            if code not in seen:
                seen.add(code)
                found.append(Mutant(mutated, _change(original, mutated)))
    return found


def _students_lines(source: str) -> set[int]:
    """Numbers of the lines between SOLUTION markers."""
    numbers, inside = set(), False
    for number, line in enumerate(source.splitlines(), start=1):
        if f"BEGIN {SOLUTION}" in line or f"END {SOLUTION}" in line:
            inside = "BEGIN" in line
        elif inside:
            numbers.add(number)
    return numbers


def _sites(tree: ast.Module, lines: set[int]) -> Iterator[tuple[ast.AST, Iterable[ast.AST]]]:
    """Nodes that may be replaced, each with what may stand there instead."""

    def visit(node: ast.AST, names: dict[str, int]) -> Iterator[tuple[ast.AST, Iterable[ast.AST]]]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            names = _locals(node)
        if getattr(node, "lineno", None) in lines:
            yield node, _instead(node, [name for name, line in names.items() if line < node.lineno])
        if isinstance(node, ast.Raise | ast.JoinedStr):
            return
        for child in ast.iter_child_nodes(node):
            yield from visit(child, names)

    return visit(tree, {})


def _locals(function: ast.AST) -> dict[str, int]:
    """The parameters and variables of a function, and the line in which each first gets a value."""
    names = {node.arg: 0 for node in ast.walk(function.args) if isinstance(node, ast.arg) and node.arg != "self"}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.setdefault(node.id, node.lineno)
    return names


def _instead(node: ast.AST, names: list[str]) -> Iterator[ast.AST]:
    """What may stand in the place of `node`; `names` are the parameters and variables known there."""
    if isinstance(node, DELETABLE) and not _is_docstring(node):
        yield ast.Pass()
    match node:
        case ast.Compare(ops=[op, *more]):
            yield from (ast.Compare(node.left, [other(), *more], node.comparators) for other in COMPARISONS[type(op)])
        case ast.BinOp(op=op):
            if type(op) in ARITHMETIC:
                yield ast.BinOp(node.left, ARITHMETIC[type(op)](), node.right)
            yield from (node.left, node.right)
        case ast.AugAssign(op=op):
            if type(op) in ARITHMETIC:
                yield ast.AugAssign(node.target, ARITHMETIC[type(op)](), node.value)
            yield _at(node, ast.Assign([node.target], node.value))
        case ast.BoolOp(op=op):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), node.values)
            yield from node.values
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.IfExp():
            yield from (node.body, node.orelse)
        case ast.If() | ast.While():
            yield _at(node, type(node)(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse))
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.Return(value=ast.AST()):
            yield _at(node, ast.Return(None))
        case ast.Raise(exc=ast.Call()):
            yield _at(node, ast.Raise(ast.Call(ast.Name("RuntimeError"), node.exc.args, []), node.cause))
        case ast.Constant():
            yield from map(ast.Constant, _other_values(node.value))
        case ast.Slice():
            yield from _other_slices(node)
        case ast.Call():
            yield from _other_calls(node, names)
        case ast.Name(ctx=ast.Load()) if node.id in names and len(names) > 1:
            yield ast.Name(names[(names.index(node.id) + 1) % len(names)], ast.Load())


def _other_values(value: object) -> Iterator[object]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value - 1)
    elif isinstance(value, str) and "->" in value:  # einops, einsum: two axes of the result change places
        given, arrow, result = value.rpartition("->")
        two = r"(\w+)(\s+)(\w+)" if re.search(r"\w\s+\w", result) else r"(\w)(\w)$"
        yield given + arrow + re.sub(two, _turned, result, count=1)


def _turned(found: re.Match) -> str:
    return "".join(reversed(found.groups()))


def _other_slices(node: ast.Slice) -> Iterator[ast.Slice]:
    """Beginning one later, ending one earlier, and without each of the parts."""
    lower, upper, step = node.lower, node.upper, node.step
    yield ast.Slice(_shifted(lower, 1) if lower else ast.Constant(1), upper, step)
    if lower or upper:  # the end of x[:] would be as good as its beginning
        yield ast.Slice(lower, _shifted(upper, -1) if upper else ast.Constant(-1), step)
    for name in ("lower", "upper", "step"):
        if getattr(node, name):
            yield ast.Slice(**{"lower": lower, "upper": upper, "step": step, name: None})


def _other_calls(node: ast.Call, names: list[str]) -> Iterator[ast.expr]:
    """Arguments dropped, swapped and shifted, a related function, and the call left out."""
    function, arguments, options = node.func, node.args, node.keywords
    for k in range(len(arguments)):
        yield ast.Call(function, arguments[:k] + arguments[k + 1 :], options)
    for k in range(len(options)):
        yield ast.Call(function, arguments, options[:k] + options[k + 1 :])
    for k in range(len(arguments) - 1):
        swapped = [*arguments[:k], arguments[k + 1], arguments[k], *arguments[k + 2 :]]
        yield ast.Call(function, swapped, options)
    if isinstance(function, ast.Name) and function.id == "range":
        for k, argument in enumerate(arguments):
            for by in (1, -1):
                yield ast.Call(function, [*arguments[:k], _shifted(argument, by), *arguments[k + 1 :]], options)
    if isinstance(function, ast.Name) and function.id in SWAPPED:
        yield ast.Call(ast.Name(SWAPPED[function.id], ast.Load()), arguments, options)
    if isinstance(function, ast.Attribute):
        if function.attr in SWAPPED:
            yield ast.Call(ast.Attribute(function.value, SWAPPED[function.attr], ast.Load()), arguments, options)
        if not isinstance(function.value, ast.Name) or function.value.id in names:  # not a module's function
            yield function.value
    if arguments and not isinstance(arguments[0], ast.Starred):
        yield arguments[0]


def _shifted(node: ast.expr, by: int) -> ast.expr:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return ast.Constant(node.value + by)
    return ast.BinOp(node, ast.Add() if by > 0 else ast.Sub(), ast.Constant(abs(by)))


def _at(node: ast.AST, other: ast.AST) -> ast.AST:
    """`other`, told the place of `node`: unparse asks statements for it."""
    return ast.copy_location(other, node)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _fingerprint(code: CodeType) -> tuple:
    """What the code does, whatever its line numbers."""
    constants = tuple(
        _fingerprint(value) if isinstance(value, CodeType) else (type(value).__name__, repr(value))
        for value in code.co_consts
    )
    return code.co_name, code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars


def _change(before: str, after: str) -> str:
    """The lines that differ, "old → new"."""
    old, new = before.splitlines(), after.splitlines()
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return " → ".join(" ⏎ ".join(map(str.strip, lines)) or "nothing" for lines in (old, new))
