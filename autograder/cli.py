"""The command line: from a master script to a student notebook, a solution, marks, feedback and exports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from autograder.collect import collect
from autograder.course import REPOSITORY, Course, CourseError
from autograder.export import Format, export, unfinished
from autograder.feedback import write_feedback
from autograder.grade import Sandbox, grade
from autograder.ledger import Ledger
from autograder.release import make_solution_version, make_student_version
from autograder.report import report
from autograder.samples import write_samples
from autograder.verdict import Verdict

app = typer.Typer(
    help="From a master script to a student notebook, a solution and graded submissions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
Root = Annotated[Path | None, typer.Option("--root", help="Folder that holds notebooks/<name>/assignment.py.")]
Database = Annotated[
    str | None, typer.Option("--database", help="Address of the gradebook, such as postgresql://… ; else SQLite.")
]
Name = Annotated[str, typer.Argument(help="Name of an assignment, as `list` prints it.")]


@app.callback()
def _course(context: typer.Context, root: Root = None, database: Database = None) -> None:
    context.obj = root, database


@contextmanager
def _course_of(context: typer.Context, root: Path | None) -> Iterator[Course]:
    """The course a command works on; what its user can mend ends the command with a sentence and status 2."""
    folder, database = context.obj
    try:
        yield Course(root or folder or REPOSITORY, database)
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


@app.command("collect")
def collect_command(
    context: typer.Context,
    name: Name,
    path: Annotated[Path, typer.Argument(help="Folder or zip from Canvas, Moodle, Gradescope, nbgrader, or a pile.")],
    root: Root = None,
) -> None:
    """Bring submissions into grading/submitted/, by the rule for students' ids that the guide states."""
    with _course_of(context, root) as course:
        collected, refused = collect(course, name, path)
        rows = [("student", "change", "files", "notes")]
        rows += [(one.student, one.change, ", ".join(one.files), " ".join(one.notes)) for one in collected]
        typer.echo(_aligned(rows))
        for one in refused:
            typer.echo(f"refused  {one.file}: {one.reason}", err=True)


@app.command("grade")
def grade_command(
    context: typer.Context,
    name: Name,
    jobs: Annotated[int, typer.Option(min=1, help="Submissions judged at a time.")] = 1,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask cluster that judges instead.")] = None,
    student: Annotated[str | None, typer.Option(help="Grade only this student.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the verdicts to this file.")] = None,
    sandbox: Annotated[Sandbox, typer.Option(help="'none' runs submissions unprotected.")] = "auto",
    feedback: Annotated[bool, typer.Option(help="Write feedback pages and grades.csv, too.")] = True,
    root: Root = None,
) -> None:
    """Grade what is new or changed in grading/submitted/<student>/NAME."""
    if sandbox == "none":
        typer.echo(
            "WARNING: no sandbox. Submissions run as you, can read your files, and can forge their marks.", err=True
        )
    with _course_of(context, root) as course:
        verdicts = grade(course, name, student=student, jobs=jobs, scheduler=scheduler, sandbox=sandbox, progress=True)
        if json_file:
            record = {student: verdict.to_json() for student, verdict in verdicts.items()}
            text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
            json_file.write_text(text, encoding="utf-8", errors="backslashreplace")
        typer.echo(_table(list(verdicts.values())))
        if feedback:
            graded = [who for who, verdict in verdicts.items() if verdict.status == "graded"]
            write_feedback(course, name, graded)
            typer.echo(
                f"marks {course.where(export(course, 'csv'))}   feedback {course.where(course.grading / 'feedback')}"
            )
        if any(verdict.status != "graded" and not verdict.reason for verdict in verdicts.values()):
            raise typer.Exit(1)


@app.command("feedback")
def feedback_command(
    context: typer.Context,
    name: Name,
    student: Annotated[list[str] | None, typer.Option(help="Only this student; may be repeated.")] = None,
    with_hidden: Annotated[bool, typer.Option("--with-hidden", help="Show the hidden tests' text.")] = False,
    root: Root = None,
) -> None:
    """Write the pages that students get back, with marks and comments given by hand."""
    with _course_of(context, root) as course:
        course.require(name)
        pages = write_feedback(course, name, student or None, with_hidden=with_hidden)
        typer.echo(f"{len(pages)} pages in {course.where(course.grading / 'feedback')}")


@app.command("export")
def export_command(
    context: typer.Context,
    format: Annotated[Format, typer.Option(help="What your learning platform reads.")] = "csv",
    root: Root = None,
) -> None:
    """Write all marks to a file."""
    with _course_of(context, root) as course:
        typer.echo(course.where(export(course, format)))
        for sentence in unfinished(course):
            typer.echo(sentence, err=True)


@app.command("report")
def report_command(context: typer.Context, name: Name, root: Root = None) -> None:
    """Write one page on how the assignment went: marks, checks, flags, what was set aside."""
    with _course_of(context, root) as course:
        course.require(name)
        with Ledger(course, name) as ledger:
            typer.echo(course.where(report(course, name, ledger.verdicts())))


@app.command("audit")
def audit_command(
    context: typer.Context,
    name: Name,
    exercise: Annotated[str | None, typer.Option(help="Only the exercise with this grade id.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Answers judged at a time.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result to this file.")] = None,
    root: Root = None,
) -> None:
    """Grade an assignment's checks: by wrong answers, right answers and mutants of the solution."""
    from autograder.audit import audit

    with _course_of(context, root) as course:
        result = audit(course, name, exercise=exercise, jobs=jobs, progress=True)
        if json_file:
            json_file.write_text(json.dumps(result.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        typer.echo(str(result))
        if result.failures:
            raise typer.Exit(1)


@app.command()
def doctor(context: typer.Context, root: Root = None) -> None:
    """Say what works on this machine and how to mend what does not."""
    from autograder.doctor import examine, healthy, table

    with _course_of(context, root) as course:
        findings = examine(course)
        typer.echo(table(findings))
        if not healthy(findings):
            raise typer.Exit(1)


def _table(verdicts: list[Verdict]) -> str:
    """One line a student: status, score, and the reason, what waits for a person, or what is flagged."""
    rows = [("student", "status", "score", "reason")]
    for verdict in verdicts:
        score = "–" if verdict.score is None else f"{verdict.score:g}/{verdict.max_score:g}"
        notes = [f"to grade by hand: {', '.join(verdict.needs_manual_grade)}"] if verdict.needs_manual_grade else []
        notes += [f"flags: {len(verdict.flags)}"] if verdict.flags else []
        rows.append((verdict.student, verdict.status, score, verdict.reason or "; ".join(notes)))
    return _aligned(rows)


def _aligned(rows: list[tuple[str, ...]]) -> str:
    """A table; the last column may be as long as it likes."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]]).rstrip() for row in rows
    )
