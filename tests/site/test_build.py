"""The pieces of the build: what makes a chapter run again, and what the build refuses."""

from __future__ import annotations

from pathlib import Path

import build
import executed
import nbformat
import pytest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository: one master, a library of four modules, one of them out of the master's reach."""
    files = {
        "requirements.txt": "numpy==2\n",
        "_toc.yml": "format: jb-book\nroot: index\nchapters:\n- file: lectures/01_one\n",
        "notebooks/01_one/lecture.py": "# %% [markdown]\n# # One\n\n# %%\nfrom course_lib.ops import conv\nprint(1)\n",
        "course_lib/__init__.py": "",
        "course_lib/ops/__init__.py": "from .geometry import size\n",
        "course_lib/ops/geometry.py": "import course_lib.scale\nsize = 1\n",
        "course_lib/ops/conv.py": "",
        "course_lib/scale.py": "",
        "course_lib/unrelated.py": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def key(root: Path) -> str:
    return executed.chapter_key(root, root / "notebooks/01_one/lecture.py")


@pytest.mark.parametrize(
    "name",
    ["notebooks/01_one/lecture.py", "requirements.txt"]
    + [f"course_lib/{name}.py" for name in ("__init__", "ops/__init__", "ops/geometry", "ops/conv", "scale")],
)
def test_key_changes_with_what_the_chapter_reaches(root: Path, name: str) -> None:
    before = key(root)
    (root / name).write_text((root / name).read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert key(root) != before


def test_key_ignores_what_the_chapter_does_not_reach(root: Path) -> None:
    before = key(root)
    (root / "course_lib/unrelated.py").write_text("changed = 1\n", encoding="utf-8")
    assert key(root) == before


def test_key_of_a_real_lecture_reaches_the_layers_below() -> None:
    master = build.ROOT / "notebooks/04_convnets/lecture.py"
    reached = executed.library_modules(build.ROOT, master.read_text(encoding="utf-8"))
    assert {"course_lib.ops.conv", "course_lib.models.lenet", "course_lib.layers"} <= set(reached)


def test_chapter_runs_once_and_is_measured(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    master = root / "notebooks/01_one/lecture.py"
    notebook, cached = executed.executed_chapter(root, master)
    cost = notebook.metadata["course"]
    assert not cached and len(notebook.cells) == 2 and notebook.cells[1].outputs[0].text == "1\n"
    assert 0 < cost["seconds"] < 60 and 20 < cost["memory_mb"] < 2000 and cost["cores"] >= 1
    monkeypatch.setattr(executed, "execute", lambda *_: pytest.fail("executed again"))
    again, cached = executed.executed_chapter(root, master)
    assert cached and again == notebook
    assert not list(root.rglob("*.partial"))


KEEPS = """
import os, pathlib
pathlib.Path(os.environ["COURSE_KEEP"], "weights.pt").write_text("{}")
{}
"""


def test_what_a_chapter_hands_over_is_kept_with_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    master = root / "notebooks/01_one/lecture.py"
    master.write_text("# %%" + KEEPS.format("one", ""), encoding="utf-8")
    executed.executed_chapter(root, master)
    first = executed.kept_files(root, master)
    assert (first / "weights.pt").read_text() == "one"
    with monkeypatch.context() as patch:  # from the cache
        patch.setattr(executed, "execute", lambda *_: pytest.fail("executed again"))
        assert executed.executed_chapter(root, master)[1]
        assert (executed.kept_files(root, master) / "weights.pt").read_text() == "one"
    first.with_suffix(".ipynb").unlink()  # executed again under the same key: nothing of the run before stays
    (first / "old.pt").write_text("old")
    executed.executed_chapter(root, master)
    assert [path.name for path in first.iterdir()] == ["weights.pt"]
    master.write_text("# %%" + KEEPS.format("two", ""), encoding="utf-8")
    executed.executed_chapter(root, master)
    assert (executed.kept_files(root, master) / "weights.pt").read_text() == "two"
    assert (first / "weights.pt").read_text() == "one"


def test_a_chapter_that_fails_keeps_nothing(root: Path) -> None:
    master = root / "notebooks/01_one/lecture.py"
    master.write_text("# %%" + KEEPS.format("one", "1 / 0"), encoding="utf-8")
    with pytest.raises(executed.BuildError, match="ZeroDivisionError"):
        executed.executed_chapter(root, master)
    assert not list(root.glob("_build/executed/*"))


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("a = 1 / 0", r"notebooks/01_one/lecture\.py, cell 2 \(`a = 1 / 0`\) stopped with ZeroDivisionError"),
        ("import ipywidgets\nipywidgets.IntSlider()", r"cell 2 shows a widget.*viz\.knob"),
    ],
)
def test_bad_cell_stops_the_build_with_a_sentence(root: Path, cell: str, sentence: str) -> None:
    master = root / "notebooks/01_one/lecture.py"
    master.write_text(f"# %% [markdown]\n# # One\n\n# %%\n{cell}\n\n# %%\nprint('not reached')\n", encoding="utf-8")
    with pytest.raises(executed.BuildError, match=sentence):
        executed.executed_chapter(root, master)
    assert not list(root.glob("_build/executed/*"))


def test_chapter_missing_from_the_contents_is_refused(root: Path) -> None:
    (root / "notebooks/02_two").mkdir()
    (root / "notebooks/02_two/lecture.py").write_text("", encoding="utf-8")
    with pytest.raises(build.BuildError, match=r"notebooks/02_two/lecture\.py is not in _toc\.yml.*lectures/02_two"):
        build.check_toc(root)


def test_page_missing_from_the_contents_is_refused(root: Path) -> None:
    (root / "book/pages").mkdir(parents=True)
    (root / "book/pages/world.py").write_text("", encoding="utf-8")
    with pytest.raises(build.BuildError, match=r"book/pages/world\.py is not in _toc\.yml.*file: pages/world"):
        build.check_toc(root)


def test_contents_without_a_master_are_refused(root: Path) -> None:
    (root / "_toc.yml").write_text(
        (root / "_toc.yml").read_text(encoding="utf-8") + "  sections:\n  - file: assignments/01_one\n",
        encoding="utf-8",
    )
    with pytest.raises(build.BuildError, match=r"lists assignments/01_one.*assignment\.py does not exist"):
        build.check_toc(root)


def test_site_is_made_again_only_after_a_change(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Sphinx reads decides; a build that warned leaves no stamp, so the next one warns again."""
    for name in ("_config.yml", "book/index.md", "autograder/cli.py"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("", encoding="utf-8")
    results, calls = [1, 0, 0], []

    def fake_sphinx(source: str, html: str, **options: object) -> int:
        calls.append(html)
        Path(html).mkdir(parents=True)
        (Path(html) / "index.html").touch()
        return results[len(calls) - 1]

    monkeypatch.setattr(build, "build_sphinx", fake_sphinx)
    with pytest.raises(build.BuildError, match="warning"):
        build.make_html(root)
    assert build.make_html(root) == build.make_html(root) == root / "_build/html/index.html"
    assert len(calls) == 2
    (root / "course_lib/unrelated.py").write_text('"""Documented."""', encoding="utf-8")
    build.make_html(root)
    assert len(calls) == 3


def test_lecture_page_names_gpu_and_goes_without_assignment() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# One")])
    notebook.metadata["course"] = {"seconds": 63.6, "memory_mb": 1140, "cores": 2, "gpu": "Tesla T4"}
    page = build.lecture_page(notebook, None, "https://example.org")
    assert [cell.source for cell in page.cells] == [
        "# One",
        '<p class="measured">Measured when this page was built: 64 s on Tesla T4, 1.1 GB of memory.</p>',
    ]
