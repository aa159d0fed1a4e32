"""The report: right numbers for no, one, two and many submissions, and everyone who needs attention."""

import shutil
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from marks import NAME, put_mark

from autograder.course import Course
from autograder.items import analyse, mistakes
from autograder.report import first_lines, histogram, report
from autograder.samples import compose
from autograder.verdict import Check, Verdict

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


@pytest.fixture
def course(released: Course, tmp_path: Path) -> Course:
    return Course(shutil.copytree(released.root, tmp_path / "course"))


def graded(student: str, *scores: float, message: str = "AssertionError: wrong") -> Verdict:
    """Checks a, b, c … of one point each."""
    checks = {
        name: Check(score, 1, "passed" if score == 1 else "failed", "" if score == 1 else message)
        for name, score in zip("abcdef", scores)
    }
    return Verdict(student, "graded", score=sum(scores), max_score=len(scores), checks=checks)


def text(course: Course, verdicts: dict[str, Verdict]) -> str:
    html = report(course, NAME, verdicts).read_text(encoding="utf-8")
    return " ".join(BeautifulSoup(html, "html.parser").main.get_text(" ").split())


def test_nobody(course: Course) -> None:
    shown = text(course, {})
    assert "0 handed in" in shown and "Nobody has handed in yet." in shown and "No submission has been graded" in shown


def test_one(course: Course) -> None:
    shown = text(course, {"ada": graded("ada", 1, 0.5)})
    assert "1 handed in" in shown and "1.5 median of 2" in shown and "✓ Nothing" in shown
    assert "Mean 1.5, median 1.5, from 1.5 to 1.5." in shown
    assert "a 1 1 of 1 100 % everyone passes" in shown and "b 1 0 of 1 50 % nobody passes" in shown


def test_two(course: Course) -> None:
    shown = text(course, {"ada": graded("ada", 1, 0), "bob": graded("bob", 0, 0)})
    assert "Mean 0.5, median 0.5, from 0 to 1." in shown
    assert "a 1 1 of 2 50 % too few submissions to say" in shown


def test_none_graded(course: Course) -> None:
    shown = text(course, {"ada": Verdict("ada", "failed", "The machine ran out of memory. Grade again.")})
    assert "1 without a mark" in shown and "could not be judged The machine ran out of memory." in shown


def test_difficulty_and_discrimination_by_hand() -> None:
    """Rests of a: 2 2 1 0, its own points 1 1 0 0: covariance 0.375, deviations 0.5 and √0.6875, so r = 0.9045."""
    papers = [graded("a", 1, 1, 1), graded("b", 1, 1, 1), graded("c", 0, 1, 0), graded("d", 0, 0, 0)]
    item = analyse(papers)[0]
    assert (item.count, item.passed, item.mean) == (4, 2, 0.5)
    assert item.discrimination == pytest.approx(0.375 / (0.5 * 0.6875**0.5))
    assert item.words == "tells strong work from weak well (few submissions: mostly chance)"


@pytest.mark.parametrize(
    ("scores", "words", "suspicious"),
    [
        ([(1, 1)] * 12, "everyone passes: it tells nothing apart", False),
        ([(0, 1)] * 12, "nobody passes: look at the check itself", True),
        ([(0, 1), (1, 0)] * 6, "strong work fails it more often", True),
        ([(0, 0), (1, 1)] * 6, "tells strong work from weak well", False),
    ],
)
def test_words_for_a_check(scores: list[tuple[float, float]], words: str, suspicious: bool) -> None:
    item = analyse([graded(str(number), *each) for number, each in enumerate(scores)])[0]
    assert (item.words, item.suspicious) == (words, suspicious)


def test_papers_without_a_check_do_not_count_for_it() -> None:
    items = {item.grade_id: item for item in analyse([graded("a", 1, 1), graded("b", 0)])}
    assert (items["a"].count, items["b"].count) == (2, 1)


def test_messages_that_differ_in_numbers_are_one() -> None:
    papers = [graded(str(n), 0, message=f"AssertionError: f({n}) should be {n / 3}") for n in range(3)]
    (common, rare) = mistakes([*papers, graded("x", 0, message="TypeError: no")])
    assert (common.example, common.students) == ("f(0) should be 0.0", ["0", "1", "2"])
    assert rare.example == "TypeError: no"


def test_histogram_has_full_marks_in_its_last_bin() -> None:
    assert histogram([0, 0.0999, 0.1, 0.3, 0.99, 1, 1.2, -0.1]) == [3, 1, 0, 1, 0, 0, 0, 0, 0, 3]
    assert sum(histogram(tenth / 10 for tenth in range(11))) == 11
    assert histogram([0.1 + 0.2]) == histogram([0.3])


def test_who_needs_attention(course: Course) -> None:
    put_mark(course, "bob", late_penalty=0.75)
    folder = course.submitted("cem", NAME)
    folder.mkdir(parents=True)
    notebook = compose(course, NAME, {"square": "def square(x):\n    return 'the ambiguous one'"})
    nbformat.write(notebook, folder / "x.ipynb")
    verdicts = {
        "ada": graded("ada", 0, 0),
        "bob": graded("bob", 1, 1),
        "cem": Verdict("cem", "quarantined", "There are 2 different cells 'square': keep the answer that counts."),
    }
    verdicts["ada"].needs_manual_grade = ["reflection"]
    verdicts["bob"].flags = ["locked cell 'square_check' was changed; restored"]
    shown = text(course, verdicts)
    assert "cem set aside There are 2 different cells 'square'" in shown and "the ambiguous one" in shown
    assert "reflection 1 to read" in shown
    assert "bob : locked cell 'square_check' was changed; restored" in shown
    assert "1.25 / 2" in shown  # 2 − 0.75 late


def test_first_lines_follow_no_link_and_are_short(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password")
    folder = tmp_path / "handed in"
    folder.mkdir()
    (folder / "a.ipynb").symlink_to(tmp_path / "secret")
    assert first_lines(folder, "") == []
    (folder / "b.ipynb").write_bytes(b"\xff\x00 line\n" * 1000)
    ((name, shown),) = first_lines(folder, "")
    assert name == "b.ipynb" and len(shown.splitlines()) == 12
    (folder / "c.ipynb").write_text("[" * 100_000)
    assert len(first_lines(folder, "")) == 2
    assert first_lines(tmp_path / "nowhere", "") == []


def test_the_page_is_one_file(course: Course) -> None:
    put_mark(course, "ada")
    path = report(course, NAME, {"ada": graded("ada", 1)})
    assert path == course.grading / "reports" / f"{NAME}.html"
    soup = BeautifulSoup(path.read_text(), "html.parser")
    assert not soup.find_all(["script", "img", "iframe"]) and not soup.find_all(src=True)
    assert [link["href"] for link in soup.find_all("link")] == ["data:,"]
