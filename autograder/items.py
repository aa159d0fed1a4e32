"""Item analysis: how hard each check is, whether it tells strong work from weak, and what goes wrong most."""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from autograder.verdict import Check, Verdict

FEW = 10  # below this many submissions a correlation is mostly chance
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?")


@dataclass
class Item:
    """One check over all graded submissions.

    `discrimination` is the correlation of this check's points with those of all other checks together (item-rest, the
    point-biserial coefficient where a check is all or nothing); None where there is nothing to correlate.
    """

    grade_id: str
    points: float
    count: int = 0
    passed: int = 0
    mean: float = 0.0
    discrimination: float | None = None
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def words(self) -> str:
        """What the discrimination means for whoever wrote the check."""
        if not self.count:
            return "nobody has been graded"
        if self.passed in (0, self.count) and self.discrimination is None:
            return (
                "everyone passes: it tells nothing apart" if self.passed else "nobody passes: look at the check itself"
            )
        if self.discrimination is None:
            return "too few submissions to say"
        scale = [
            (0.4, "tells strong work from weak well"),
            (0.2, "tells strong work from weak"),
            (0, "hardly tells apart"),
        ]
        said = next((text for least, text in scale if self.discrimination >= least), "strong work fails it more often")
        return f"{said} (few submissions: mostly chance)" if self.count < FEW else said

    @property
    def suspicious(self) -> bool:
        """Whether the check, rather than the students, may be at fault."""
        if self.count < FEW:
            return False
        return not self.passed or (self.discrimination is not None and self.discrimination < 0)


@dataclass
class Mistake:
    """One failure message, as `example` puts it, and who got it; messages that differ only in numbers are one."""

    grade_id: str
    example: str
    students: list[str]


def analyse(verdicts: Iterable[Verdict]) -> list[Item]:
    """One item a check, in the order of the notebook."""
    papers = [verdict.checks for verdict in verdicts if verdict.status == "graded"]
    marks: dict[str, list[tuple[Check, float]]] = defaultdict(list)
    for checks in papers:
        total = sum(check.score for check in checks.values())
        for grade_id, check in checks.items():
            marks[grade_id].append((check, round(total - check.score, 6)))
    return [_item(grade_id, each) for grade_id, each in marks.items()]


def _item(grade_id: str, marks: list[tuple[Check, float]]) -> Item:
    scores = [check.score for check, _ in marks]
    points = max(check.max for check, _ in marks)
    return Item(
        grade_id,
        points,
        count=len(marks),
        passed=sum(check.score >= check.max for check, _ in marks),
        mean=statistics.fmean(scores) / points if points else 0.0,
        discrimination=_correlation(scores, [rest for _, rest in marks]),
        outcomes=Counter(check.outcome for check, _ in marks),
    )


def _correlation(scores: list[float], rests: list[float]) -> float | None:
    if len(scores) < 3:
        return None
    try:
        return statistics.correlation(scores, rests)
    except statistics.StatisticsError:  # all equal
        return None


def mistakes(verdicts: Iterable[Verdict], most: int = 15) -> list[Mistake]:
    """The failure messages that most students got, the commonest first."""
    found: dict[tuple[str, str], Mistake] = {}
    for verdict in verdicts:
        for grade_id, check in verdict.checks.items():
            if check.score < check.max and check.message:
                said = check.message.removeprefix("AssertionError: ")
                key = grade_id, _NUMBER.sub("#", said)
                found.setdefault(key, Mistake(grade_id, said, [])).students.append(verdict.student)
    return sorted(found.values(), key=lambda mistake: -len(mistake.students))[:most]
