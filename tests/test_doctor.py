"""`liptwin doctor`: tells the truth about a healthy machine and about broken ones."""

from __future__ import annotations

import json
import os
from pathlib import Path

import imageio_ffmpeg
import pytest

from liptwin import diagnosis
from liptwin.diagnosis import Check
from liptwin.main import main

GOOD = Check("ffmpeg", True, True, "version 7")
MISSING = Check("MuJoCo", False, True, "not installed", "pip install mujoco")
ABSENT = Check("GPU", False, False, "none", "nothing to do")


def leave(*arguments: str) -> object:
    """Exit status of `liptwin doctor`."""
    with pytest.raises(SystemExit) as leaving:
        main(["doctor", *arguments])
    return leaving.value.code


def test_this_machine_has_what_the_tests_need() -> None:
    checks = {check.name: check for check in diagnosis.examine()}
    broken = [check for check in checks.values() if check.required and not check.works]
    assert not broken
    assert checks["ffmpeg"].found.startswith("ffmpeg version")
    assert {"rendering with egl", "rendering with osmesa", "rendering with glfw"} <= set(checks)


@pytest.mark.parametrize(
    ("checks", "status"), [([GOOD, ABSENT], 0), ([GOOD, MISSING], 1), ([ABSENT], 0)]
)
def test_only_what_is_required_decides(
    monkeypatch: pytest.MonkeyPatch, checks: list[Check], status: int
) -> None:
    monkeypatch.setattr(diagnosis, "examine", lambda: checks)
    assert leave() == status


def test_every_failure_comes_with_advice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(diagnosis, "examine", lambda: [GOOD, MISSING, ABSENT])
    leave()
    said = capsys.readouterr().out
    assert "version 7" in said
    assert "MISSING  MuJoCo" in said
    assert "pip install mujoco" in said
    assert "nothing to do" in said


def test_json_says_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(diagnosis, "examine", lambda: [GOOD, MISSING])
    assert leave("--json") == 1
    findings = json.loads(capsys.readouterr().out)
    assert findings["healthy"] is False
    assert [entry["name"] for entry in findings["checks"]] == ["ffmpeg", "MuJoCo"]
    assert findings["checks"][1]["advice"] == "pip install mujoco"


def test_a_back_end_that_cannot_start_is_reported() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(diagnosis._RENDERING_ADVICE, "nonsense", "choose another")
        check = diagnosis.check_rendering("nonsense")
    assert not check.works
    assert "nonsense" in check.found
    assert check.advice == "choose another"


def test_no_back_end_at_all_is_a_failure() -> None:
    none = diagnosis.summarise_rendering([Check("rendering with egl", False, False, "no library")])
    assert none.required
    assert not none.works
    assert "libegl1" in none.advice


def test_a_broken_ffmpeg_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho broken; exit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(broken))
    check = diagnosis.check_ffmpeg()
    assert not check.works
    assert check.found == "broken"


@pytest.mark.parametrize(
    ("ports", "allowed", "works", "said"),
    [
        ([], True, False, "none"),
        (["/dev/ttyUSB0"], True, True, "/dev/ttyUSB0"),
        (["/dev/ttyUSB0"], False, False, "no permission for /dev/ttyUSB0"),
    ],
)
def test_serial_ports_are_listed(
    monkeypatch: pytest.MonkeyPatch, ports: list[str], allowed: bool, works: bool, said: str
) -> None:
    monkeypatch.setattr(diagnosis, "_serial_ports", lambda: ports)
    monkeypatch.setattr(os, "access", lambda *_: allowed)
    check = diagnosis.check_serial_ports()
    assert (check.works, check.found) == (works, said)
    assert not check.required
