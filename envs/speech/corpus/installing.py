"""Fetching the Asterisk prompts with apt."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from typing import Final

from envs.speech.corpus.asterisk import PROMPTS
from envs.speech.corpus.recordings import CorpusError

# Minimal systems tell dpkg to leave /usr/share/doc out, where the transcripts are; and what was
# installed without them has to be installed again.
_INSTALL: Final = (
    "apt-get",
    "install",
    "--yes",
    "--quiet",
    "--no-install-recommends",
    "--reinstall",
    "--option=Dpkg::Options::=--path-include=/usr/share/doc/asterisk-core-sounds-*/*",
)


def install_prompts(languages: Iterable[str]) -> tuple[str, ...]:
    """Install what is missing of the prompts; apt writes to standard output what it does.

    Args:
        languages: of `PROMPTS`.

    Returns:
        The packages that were installed; none where all were there.

    Raises:
        CorpusError: there is no apt, no right to install, or it fails; says what to type.
    """
    wanted = tuple(languages)
    packages = tuple(package for name in wanted for package in PROMPTS[name].missing)
    if not packages:
        return ()
    root = _as_root(packages)
    for arguments in (("apt-get", "update", "--quiet"), (*_INSTALL, *packages)):
        done = subprocess.run([*root, *arguments], check=False)
        if done.returncode:
            raise CorpusError(
                f"`{' '.join([*root, *arguments])}` ended with status {done.returncode}; its last "
                "lines say why: a network, a mirror, or a distribution without these packages"
            )
    missing = [package for name in wanted for package in PROMPTS[name].missing]
    if missing:
        raise CorpusError(
            f"apt installed {', '.join(missing)}, but its files are not where they should be; "
            "does another package divert them?"
        )
    return packages


def _as_root(packages: tuple[str, ...]) -> tuple[str, ...]:
    """What to put before a command so that it runs as root."""
    if shutil.which("apt-get") is None:
        raise CorpusError(
            "there is no apt-get on this system; the prompts are packages of Debian and Ubuntu. "
            "Elsewhere unpack the Asterisk project's asterisk-core-sounds-en-wav archive, and run "
            "liptwin corpus align FOLDER"
        )
    if os.geteuid() == 0:
        return ()
    if (
        shutil.which("sudo")
        and not subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True).returncode
    ):
        return ("sudo", "-n")
    raise CorpusError(
        "installing packages needs root; run: "
        f"sudo apt-get install --no-install-recommends {' '.join(packages)}"
    )
