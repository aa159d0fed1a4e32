"""Feedback pages: the marks of the gradebook, what each failed check expected, and nothing that was hidden."""

import shutil
import time
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from marks import NAME, put_mark
from nbformat import NotebookNode

from autograder.course import Course, CourseError
from autograder.feedback import write_feedback
from autograder.pages import POLICY, image_url, safe_code, safe_html, safe_markdown
from autograder.steps import open_gradebook

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
HIDDEN = ("secret_number", "square(-5) == 25", "HIDDEN TESTS")


@pytest.fixture
def course(released: Course, tmp_path: Path) -> Course:
    return Course(shutil.copytree(released.root, tmp_path / "course"))


def page(course: Course, student: str) -> BeautifulSoup:
    return BeautifulSoup(course.feedback(student, NAME).read_text(encoding="utf-8"), "html.parser")


def at(soup: BeautifulSoup, grade_id: str) -> Tag:
    return soup.find(id=grade_id)


def text(element: Tag) -> str:
    return " ".join(element.get_text().split())


def with_output(cell_id: str, kind: str = "stream", **values: object):
    def change(notebook: NotebookNode) -> None:
        cell = next(cell for cell in notebook.cells if cell.id == cell_id)
        cell.outputs.append(nbformat.v4.new_output(kind, **values))

    return change


def test_marks_late_penalty_and_a_persons_words(course: Course) -> None:
    put_mark(
        course,
        "ada",
        {"square_check": "square(3) should be 9, got 6"},
        reflection=3,
        comment="Good. *Why?*",
        late_penalty=1,
    )
    assert write_feedback(course, NAME) == [course.feedback("ada", NAME)]
    soup = page(course, "ada")
    assert text(soup.select_one(".score")) == "5 of 10 points"
    assert "Handed in late: 1 off" in text(soup)
    assert "3 / 4" in text(at(soup, "reflection"))
    assert at(soup, "reflection").select_one(".comment em").text == "Why?"


def test_a_failed_check_says_what_was_expected_at_its_cell(course: Course) -> None:
    put_mark(course, "ada", {"square_check": "square(3) should be 9, got 6"})
    write_feedback(course, NAME, ["ada"])
    soup = page(course, "ada")
    assert text(at(soup, "square_check").select_one(".message")) == "square(3) should be 9, got 6"
    assert at(soup, "square_check")["class"] == ["cell", "graded", "failed"]
    assert at(soup, "double_visible").select_one(".message") is None
    assert text(at(soup, "reflection").select_one(".message")) == "A person will read this answer."
    assert "4 of the points are still to come" in text(soup)


def test_a_failure_without_a_message_still_says_something(course: Course) -> None:
    put_mark(course, "ada", {"square_check": "", "double_visible": ""})
    write_feedback(course, NAME)
    soup = page(course, "ada")
    assert "perhaps one that is not shown" in text(at(soup, "square_check").select_one(".message"))
    assert "did not pass." in text(at(soup, "double_visible").select_one(".message"))


def test_hidden_tests_are_left_out_everywhere_unless_asked_for(course: Course) -> None:
    line = "for secret_number in (-7, 0.25):"
    put_mark(
        course,
        "ada",
        {"double_hidden": "double(-7) is wrong"},
        change=with_output("double", name="stdout", text=f"x\n{line}\n"),
    )
    put_mark(
        course,
        "bob",
        change=with_output("double", "error", ename="E", evalue="e", traceback=["\x1b[31m-> 2 \x1b[0m" + line]),
    )
    put_mark(
        course,
        "cem",
        change=with_output("double", "display_data", data={"text/html": f"<b>{line}</b>", "text/plain": line}),
    )
    write_feedback(course, NAME)
    for student in ("ada", "bob", "cem"):
        shown = text(page(course, student))
        assert not [part for part in HIDDEN if part in shown], student
        assert "it repeats a line of a hidden test" in shown
    assert text(at(page(course, "ada"), "double_hidden").select_one(".message")) == "double(-7) is wrong"
    write_feedback(course, NAME, ["ada"], with_hidden=True)
    assert all(part in text(page(course, "ada")) for part in HIDDEN)


def test_a_message_that_quotes_a_hidden_test_is_left_out(course: Course) -> None:
    put_mark(course, "ada", {"square_check": 'Error: assert square(-5) == 25, "square(-5) should be 25"'})
    write_feedback(course, NAME)
    assert text(at(page(course, "ada"), "square_check").select_one(".message")).startswith(
        "A part of this check did not"
    )


def test_what_checks_print_is_not_shown(course: Course) -> None:
    put_mark(course, "ada", change=with_output("double_hidden", name="stdout", text="inputs were 17 and 4"))
    write_feedback(course, NAME)
    assert "inputs were" not in text(page(course, "ada"))


def test_outputs_in_their_last_and_best_form(course: Course) -> None:
    def change(notebook: NotebookNode) -> None:
        with_output("double", name="stderr", text="  0%|  |\r 50%|# |\r100%|##|\n\x1b[31mred\x1b[0m\n")(notebook)
        picture = {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}
        with_output("double", "display_data", data=picture, metadata={"image/png": {"alt": "a cat"}})(notebook)
        with_output("double", "display_data", data={"text/html": "<table class='dataframe'><style>td{}</style><td>7"})(
            notebook
        )

    put_mark(course, "ada", change=change)
    write_feedback(course, NAME)
    soup = page(course, "ada")
    shown = text(soup)
    assert "100%|##|" in shown and "50%" not in shown and "red" in shown and "\x1b" not in shown
    assert soup.select_one(".output img")["alt"] == "a cat" and "<Figure>" not in shown
    assert soup.select_one(".output td").text == "7" and "td{}" not in shown


def test_the_setup_cell_is_left_out(course: Course) -> None:
    put_mark(course, "ada")
    write_feedback(course, NAME)
    assert "pip" not in text(page(course, "ada"))


def test_who_is_named_must_have_been_graded_and_the_others_get_their_pages(course: Course) -> None:
    put_mark(course, "ada")
    with pytest.raises(CourseError, match=r"'bob' has not been graded in '01_tiny'.\n1 other pages"):
        write_feedback(course, NAME, ["bob", "ada"])
    assert course.feedback("ada", NAME).exists()


def test_nobody_has_been_graded(released: Course) -> None:
    with pytest.raises(CourseError, match="Nobody has been graded.*grade 01_tiny"):
        write_feedback(released, NAME)


def test_a_damaged_notebook_keeps_no_other_page_back(course: Course) -> None:
    put_mark(course, "ada")
    put_mark(course, "bob")
    course.autograded("ada", NAME).write_text("{")
    with pytest.raises(CourseError, match="The page of 'ada' could not be made"):
        write_feedback(course, NAME)
    assert course.feedback("bob", NAME).exists()


def test_every_page_carries_the_policy_and_no_script(course: Course) -> None:
    put_mark(course, "ada")
    write_feedback(course, NAME)
    soup = page(course, "ada")
    assert soup.find("meta", {"http-equiv": "Content-Security-Policy"})["content"] == POLICY
    assert "script-src" not in POLICY and POLICY.startswith("default-src 'none'")
    assert not soup.find_all(["script", "iframe", "object"])
    assert [link["href"] for link in soup.find_all("link")] == ["data:,"]


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("<b onclick=x>a</b>", "<b>a</b>"),
        ("<script>x</script>a", "a"),
        ("<a href='javascript:x'>a</a>", "<a>a</a>"),
        ("<a href='JaVa&#x0A;script:x'>a</a>", "<a>a</a>"),
        ("<a href='data:text/html,x'>a</a>", "<a>a</a>"),
        ("<img src='https://x.invalid/p.png' alt='p'>", '<img alt="p">'),
        ("<img src='data:text/html,x'>", "<img>"),
        ("<p id=top class=score style='position:fixed'>a</p>", "<p>a</p>"),
        ("<svg><a xlink:href='javascript:x'>a</a></svg>b", "b"),
        ("<details open><summary>s</summary>t</details>", "<details open><summary>s</summary>t</details>"),
        ("<td colspan='2' rowspan='9999'>a</td>", "a"),
    ],
)
def test_html_keeps_what_shows_and_loses_what_acts(html: str, kept: str) -> None:
    assert safe_html(html) == kept


def test_markdown_shows_its_formulas_and_folded_hints() -> None:
    html = safe_markdown("$a < b$\n\n<details><summary>Hint</summary>\n\n*so*\n\n</details>")
    assert "$a &lt; b$" in html and "<em>so</em>" in html and "<summary>Hint</summary>" in html


def test_a_missing_attachment_is_shown_as_text() -> None:
    assert safe_markdown("![x](attachment:x.png)") == "<pre>![x](attachment:x.png)</pre>"
    assert "data:image/png;base64,AAAA" in safe_markdown("![x](attachment:x.png)", {"x.png": {"image/png": "AAAA"}})


def test_a_picture_that_is_none() -> None:
    assert image_url("image/png", "not base64!") is None
    assert image_url("image/png", "AA\nAA") == "data:image/png;base64,AAAA"


@pytest.mark.parametrize(
    ("make", "source"),
    [
        (safe_html, "<div>" * 4_900),
        (safe_html, "".join(f"<p><b title={i}>" for i in range(2_400))),
        (safe_html, "<td>x</td>" * 2_400),
        (safe_html, "<a " * 16_000),
        (safe_markdown, "[" * 19_000),
        (safe_markdown, "> " * 9_000),
        (safe_markdown, "\\begin{a}" * 2_000),
        (safe_markdown, "`a``" * 4_500),
        (safe_code, "(" * 49_000),
    ],
)
def test_nothing_takes_long(make, source: str) -> None:
    """What grows with the square of its length must not fit within the limits."""
    start = time.process_time()
    make(source)
    assert time.process_time() - start < 3


def test_marks_stand_under_the_headings_of_their_exercises(course: Course) -> None:
    def headed(notebook: NotebookNode) -> None:
        numbers = {cell.metadata.get("nbgrader", {}).get("grade_id"): n for n, cell in enumerate(notebook.cells)}
        notebook.cells.insert(numbers["square"], nbformat.v4.new_markdown_cell("## Squares <b>and</b> more (3 points)"))
        notebook.cells.insert(numbers["double"], nbformat.v4.new_markdown_cell("Twice.\n\n## Doubles"))

    put_mark(course, "ada", {"double_hidden": "no"}, change=headed)
    write_feedback(course, NAME)
    rows = [text(row) for row in page(course, "ada").select("table")[0].select("tr")]
    assert [row for row in rows if row.startswith(("Doubles", "Squares"))] == [
        "Doubles 1 / 3",
        "Squares <b>and</b> more 3 / 7",
    ]
    assert rows[0].startswith("Doubles") and len(rows) == 6


def test_an_answer_left_open_is_called_so(course: Course) -> None:
    put_mark(course, "ada")
    with open_gradebook(course) as book:
        (grade,) = (g for g in book.find_submission_notebook(NAME, NAME, "ada").grades if g.name == "reflection")
        grade.auto_score, grade.needs_manual_grade = 0.0, False
        book.db.commit()
    write_feedback(course, NAME)
    assert "There is no answer here yet." in text(at(page(course, "ada"), "reflection"))
