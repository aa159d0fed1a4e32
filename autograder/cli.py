"""The command line: release, grade, samples, list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from autograder.course import Course, CourseError
from autograder.grade import grade
from autograder.release import make_solution_version, make_student_version
from autograder.samples import write_samples
from autograder.verdict import Verdict

app = typer.Typer(
    help="From a master script to a student notebook, a solution and graded submissions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
Root = Annotated[Path | None, typer.Option("--root", help="Folder that holds notebooks/<name>/assignment.py.")]
Name = Annotated[str, typer.Argument(help="Name of an assignment, as `list` prints it.")]


@app.callback()
def _course(context: typer.Context, root: Root = None) -> None:
    context.obj = root


@contextmanager
def _course_of(context: typer.Context, root: Path | None) -> Iterator[Course]:
    """The course a command works on; what its user can mend ends the command with a sentence and status 2."""
    folder = root or context.obj
    try:
        yield Course(folder) if folder else Course()
    except CourseError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


@app.command("list")
def list_assignments(context: typer.Context, root: Root = None) -> None:
    """Print the names of the assignments."""
    with _course_of(context, root) as course:
        for name in course.names():
            typer.echo(name)


@app.command()
def release(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Assignments, as `list` prints them.")],
    root: Root = None,
) -> None:
    """Make the student version and the executed solution of each assignment."""
    with _course_of(context, root) as course:
        for name in names:
            course.require(name)
        for name in names:
            typer.echo(f"student version   {course.where(make_student_version(course, name))}")
            typer.echo(f"solution version  {course.where(make_solution_version(course, name))}")


@app.command()
def samples(context: typer.Context, name: Name, root: Root = None) -> None:
    """Write three sample submissions: full, partial and wrong."""
    with _course_of(context, root) as course:
        for path in write_samples(course, name):
            typer.echo(course.where(path))


@app.command("grade")
def grade_command(
    context: typer.Context,
    name: Name,
    student: Annotated[str | None, typer.Option(help="Grade only this student.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the verdicts to this file.")] = None,
    root: Root = None,
) -> None:
    """Grade the submissions in grading/submitted/<student>/NAME; write gradebook, feedback and grades.csv."""
    with _course_of(context, root) as course:
        verdicts = grade(course, name, student=student, progress=True)
        if json_file:
            record = {student: verdict.to_json() for student, verdict in verdicts.items()}
            json_file.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        typer.echo(_table(list(verdicts.values())))
        typer.echo(f"marks {course.where(course.grades_csv)}   feedback {course.where(course.grading / 'feedback')}")
        if any(verdict.status != "graded" and not verdict.reason for verdict in verdicts.values()):
            raise typer.Exit(1)


def _table(verdicts: list[Verdict]) -> str:
    """One line a student: status, score, and the reason or what waits for a person."""
    rows = [("student", "status", "score", "reason")]
    for verdict in verdicts:
        score = "–" if verdict.score is None else f"{verdict.score:g}/{verdict.max_score:g}"
        waiting = f"to grade by hand: {', '.join(verdict.needs_manual_grade)}" if verdict.needs_manual_grade else ""
        rows.append((verdict.student, verdict.status, score, verdict.reason or waiting))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[3]]).rstrip() for row in rows
    )
