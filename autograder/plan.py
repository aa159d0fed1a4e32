"""What of an assignment runs where: the student's cells in the sandbox, the checks and what they rest on out here.

A name is the student's if a solution cell defines it, or a locked cell that uses such a name: its value depends on the
student's code. All other locked cells (imports, data, helpers) run once in the grader, where checks find what they
define untouched by anybody.
"""

from __future__ import annotations

import ast
import contextlib
import io
from dataclasses import dataclass, field

from nbformat import NotebookNode

from autograder.names import bound, imported, parse, plain, read_first


@dataclass(frozen=True)
class CheckCode:
    """One check cell: its code, the student's names it speaks of, and its points."""

    grade_id: str
    source: str
    names: tuple[str, ...]
    points: float


@dataclass
class Plan:
    """How the submissions of one assignment are judged."""

    checks: dict[str, CheckCode] = field(default_factory=dict)
    trusted: list[str] = field(default_factory=list)  # sources that run in the grader, in order
    modules: list[str] = field(default_factory=list)  # what to import before the first submission comes

    @classmethod
    def of(cls, source: NotebookNode) -> Plan:
        """Read the instructor's notebook: the master with its hidden tests."""
        plan, theirs = cls(), set()
        for cell in source.cells:
            if cell.cell_type != "code":
                continue
            about = cell.metadata.get("nbgrader", {})
            tree = parse(cell.source)
            uses = read_first(tree)
            if about.get("grade") and not about.get("solution"):
                names = tuple(sorted(uses & theirs))
                code = CheckCode(about["grade_id"], plain(cell.source), names, float(about["points"]))
                plan.checks[code.grade_id] = code
            elif about.get("solution"):
                imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
                plan.trusted += [ast.unparse(node) for node in imports]  # else a check's `torch` would be the student's
                theirs |= bound(ast.Module([node for node in tree.body if node not in imports], []))
            else:
                plan.modules += imported(tree)
                if uses & theirs:
                    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
                    plan.trusted += [ast.unparse(node) for node in imports]
                    theirs |= bound(tree) - bound(ast.Module(imports, []))
                else:
                    plan.trusted.append(plain(cell.source))
                    theirs -= bound(tree)
        return plan

    def namespace(self) -> dict:
        """What checks find without the student: everything that the grader's own cells define."""
        import matplotlib

        matplotlib.use("agg")
        names: dict = {"__name__": "__main__", "__builtins__": __builtins__}
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for source in self.trusted:
                exec(compile(source, "<a locked cell>", "exec"), names)  # noqa: S102 - the instructor's own code
        import matplotlib.pyplot as plt

        plt.close("all")
        return names
