"""What the machine must bring: found where it is, installed where that is allowed, else one line to run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import system


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on it; returns the one folder of its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(system, "MAC_BROWSERS", ())
    monkeypatch.setattr(system, "DATA", tmp_path / "fashion-mnist")
    monkeypatch.setattr(system.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(system.sys, "executable", str(program(tmp_path / "python", "exit 1")))
    return tmp_path


def program(path: Path, script: str) -> Path:
    """An executable that runs a line of shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def fake_apt(folder: Path, makes: str) -> None:
    """An apt-get that `install`s one empty executable with the shell's own means, for root and through sudo."""
    program(folder / "apt-get", f'[ "$1" = update ] || {{ : > {makes}; /bin/chmod +x {makes}; }}')
    program(folder / "sudo", '[ "$1" = -n ] && shift; exec "$@"')
    program(folder / "true", "exit 0")


def test_nothing_there_gives_the_one_line(bare: Path) -> None:
    with pytest.raises(system.Missing, match=r"Run: sudo apt-get install chromium"):
        system.need_browser()
    with pytest.raises(system.Missing, match=r"Run: sudo apt-get install dataset-fashion-mnist"):
        system.need_data()
    with pytest.raises(system.Missing, match=r"Run: sudo apt-get install npm"):
        system.need_npm()


def test_sudo_that_asks_for_a_password_is_not_used(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_apt(bare, str(bare / "chromium"))
    program(bare / "sudo", "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(system.Missing, match=r"sudo apt-get install chromium"):
        system.need_browser()


@pytest.mark.parametrize("user", [0, 1000])
def test_installs_with_apt_where_it_may(bare: Path, monkeypatch: pytest.MonkeyPatch, user: int, capsys) -> None:
    fake_apt(bare, str(bare / "chromium"))
    monkeypatch.setattr(os, "geteuid", lambda: user)
    system.need_browser()
    assert system.find_browser() == str(bare / "chromium")
    assert "Installing the system package chromium" in capsys.readouterr().out
    fake_apt(bare, str(bare / "npm"))
    system.need_npm()
    assert system.shutil.which("npm") == str(bare / "npm")


def test_present_parts_are_quiet(bare: Path, capsys) -> None:
    program(bare / "chromium", "")
    (bare / "fashion-mnist").mkdir()
    system.need_browser()
    system.need_data()
    system.need_python()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("place", ["google-chrome", "playwright/chromium-1200/chrome-linux/chrome"])
def test_browser_is_found_where_it_is(bare: Path, place: str) -> None:
    browser = program(bare / place, "")
    assert system.find_browser() == str(browser)


def test_named_browser_comes_first(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare / "chromium", "")
    monkeypatch.setenv("CHROMIUM", str(program(bare / "mine", "")))
    assert system.find_browser() == str(bare / "mine")


def test_old_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system.sys, "version_info", (3, 10, 4))
    with pytest.raises(system.Missing, match=r"needs 3\.11 or newer. Run: make PYTHON="):
        system.need_python()
