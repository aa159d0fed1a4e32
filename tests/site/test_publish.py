"""Sites side by side: terms that stay, previews that come and go, and workflows that say the same."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import publish
import pytest
import yaml
from built import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A built site of two files."""
    folder = tmp_path / "html"
    (folder / "_static").mkdir(parents=True)
    (folder / "index.html").write_text("new")
    (folder / "_static" / "a.css").write_text("")
    return folder


@pytest.fixture
def branch(tmp_path: Path) -> Path:
    """A published branch with an earlier term and a preview."""
    folder = tmp_path / "branch"
    for place in ("2025f", "2026s", "preview/7"):
        (folder / place).mkdir(parents=True)
        (folder / place / "index.html").write_text(place)
    return folder


def test_a_new_term_is_shown_and_earlier_ones_stay(site: Path, branch: Path) -> None:
    publish.publish_term(site, branch, "2026f")
    assert (branch / "2026f" / "_static" / "a.css").is_file()
    assert [(branch / place / "index.html").read_text() for place in ("2025f", "2026s", "preview/7")] == [
        "2025f",
        "2026s",
        "preview/7",
    ]
    assert json.loads((branch / "terms.json").read_text()) == ["2025f", "2026s", "2026f"]
    root = (branch / "index.html").read_text()
    assert 'url=2026f/"' in root and root.index('href="2026s/"') < root.index('href="2025f/"')
    assert (branch / ".nojekyll").is_file()


def test_a_term_published_again_holds_nothing_of_its_old_site(site: Path, branch: Path) -> None:
    (branch / "2026s" / "gone.html").write_text("")
    publish.publish_term(site, branch, "2026s")
    assert not (branch / "2026s" / "gone.html").exists() and (branch / "2026s" / "index.html").read_text() == "new"
    publish.publish_term(site, branch, "2025f")  # mending an old term does not put it in front
    assert 'url=2026s/"' in (branch / "index.html").read_text()


def test_previews_come_and_go(site: Path, branch: Path) -> None:
    publish.publish_preview(site, branch, "12")
    assert (branch / "preview" / "12" / "index.html").read_text() == "new"
    publish.forget_preview(branch, "12")
    publish.forget_preview(branch, "12")
    assert [path.name for path in (branch / "preview").iterdir()] == ["7"]
    assert not (branch / "index.html").exists()


@pytest.mark.parametrize(
    "arguments",
    [["term", "fall"], ["term", "../2026f"], ["preview", "../2026f"], ["forget", ""], ["forget", "0"], ["term"], []],
)
def test_what_is_no_term_and_no_number_is_refused(arguments: list[str], branch: Path) -> None:
    before = sorted(branch.rglob("*"))
    with pytest.raises(publish.PublishError):
        publish.main([str(branch), *arguments])
    assert sorted(branch.rglob("*")) == before


def test_without_a_site_the_old_one_stays(branch: Path, tmp_path: Path) -> None:
    with pytest.raises(publish.PublishError, match="make book"):
        publish.publish_term(tmp_path / "nothing", branch, "2026s")
    assert (branch / "2026s" / "index.html").read_text() == "2026s"


def test_a_branch_is_made_and_changed(tmp_path: Path) -> None:
    """The workflows' script against a real repository: twice, and what the first push brought is there at the second."""

    def run(*command: str, where: Path) -> str:
        return subprocess.run(command, cwd=where, check=True, capture_output=True, text=True).stdout

    origin, work = tmp_path / "origin.git", tmp_path / "work"
    run("git", "init", "--quiet", "--bare", str(origin), where=tmp_path)
    run("git", "clone", "--quiet", str(origin), str(work), where=tmp_path)
    for name in ("2026s", "2026f"):
        run(str(ROOT / ".github" / "on-branch"), "site", f"_build/{name}", "touch", f"_build/{name}/{name}", where=work)
    assert run("git", "ls-tree", "--name-only", "site", where=origin).split() == ["2026f", "2026s"]
    assert len(run("git", "log", "--format=%h", "site", where=origin).split()) == 1


@pytest.mark.parametrize("name", ["publish.yml", "preview.yml"])
def test_workflows_run_what_exists(name: str) -> None:
    text = (WORKFLOWS / name).read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["concurrency"]["group"] == "publish"  # one writer of the branch at a time
    assert "book/publish.py" in text and "make pdf" in text
    commands = [line for line in text.splitlines() if "book/publish.py" in line]
    assert all(any(f" {word} " in line for word in ("term", "preview", "forget")) for line in commands)


def test_the_term_is_one() -> None:
    workflow = yaml.safe_load((WORKFLOWS / "publish.yml").read_text(encoding="utf-8"))
    assert publish.TERM.fullmatch(workflow["env"]["TERM"])
