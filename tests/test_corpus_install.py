"""Fetching prompts through apt; a script in its place says what it was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from envs.speech.corpus import CorpusError, asterisk, install_prompts, read_corpus
from liptwin.commands.corpus import corpus as command
from liptwin.errors import CommandError

APT = """#!/bin/sh
echo "$@" >> {log}
[ "$1" = install ] || exit 0
[ -e {log}.fail ] && exit 100
mkdir -p {sounds}/fr_CA_f_June {docs}/asterisk-core-sounds-fr
: > {docs}/asterisk-core-sounds-fr/core-sounds-fr.txt.gz
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the only programs that there are; no prompts are installed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "mkdir"):
        (folder / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(asterisk, "SOUNDS", tmp_path / "sounds")
    monkeypatch.setattr(asterisk, "DOCS", tmp_path / "doc")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return folder


@pytest.fixture
def log(programs: Path, tmp_path: Path) -> Path:
    """What an apt-get was asked for."""
    log = tmp_path / "apt.log"
    script = APT.format(log=log, sounds=asterisk.SOUNDS, docs=asterisk.DOCS)
    (programs / "apt-get").write_text(script)
    (programs / "apt-get").chmod(0o755)
    return log


def test_prompts_are_installed_once(log: Path) -> None:
    packages = ("asterisk-core-sounds-fr", "asterisk-core-sounds-fr-wav")
    assert install_prompts(["fr"]) == packages
    update, install = log.read_text().splitlines()
    assert update.startswith("update")
    assert install.endswith(" ".join(packages))
    assert install_prompts(["fr"]) == ()
    assert len(log.read_text().splitlines()) == 2


def test_apt_that_fails(log: Path) -> None:
    log.with_name(f"{log.name}.fail").touch()
    with pytest.raises(CorpusError, match="ended with status 100"):
        install_prompts(["fr"])


def test_packages_without_their_files(log: Path) -> None:
    with pytest.raises(CorpusError, match="asterisk-core-sounds-it, asterisk-core-sounds-it-wav"):
        install_prompts(["fr", "it"])


def test_a_system_without_apt(programs: Path) -> None:
    with pytest.raises(CommandError, match="there is no apt-get") as caught:
        command(args=["install", "-l", "fr"], standalone_mode=False)
    assert caught.value.exit_status == 1


def test_no_right_to_install(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(
        CorpusError, match=r"run: sudo apt-get install .* asterisk-core-sounds-fr-wav"
    ):
        install_prompts(["fr"])
    assert not log.exists()


def test_sudo_where_it_asks_for_no_password(
    log: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    sudo = programs / "sudo"
    sudo.write_text('#!/bin/sh\nshift\n[ "$1" = true ] || exec "$@"\n')
    sudo.chmod(0o755)
    assert len(install_prompts(["fr"])) == 2
    assert log.exists()


def test_prompts_that_are_not_installed(programs: Path) -> None:
    with pytest.raises(CorpusError, match="run liptwin corpus install --language fr"):
        read_corpus("fr")
    with pytest.raises(CommandError, match="no prompts are installed"):
        command(args=["list"], standalone_mode=False)
