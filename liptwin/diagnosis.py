"""What works on this machine, found out by trying it."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from liptwin.gl import BACKENDS, VARIABLE

MIN_PYTHON = (3, 11)
MIN_MUJOCO = (4, 0)
# Loading a software renderer on a busy machine takes seconds; far beyond that it hangs.
_TRY_FOR_S = 60.0

_RENDERING_ADVICE = {
    "egl": "as root: apt-get install libegl1 libgl1 libgles2",
    "osmesa": "as root: apt-get install libosmesa6 (not needed where egl works)",
    "glfw": "needs a screen (DISPLAY); not needed where egl works",
}


@dataclass(frozen=True)
class Check:
    """What one look at the machine found.

    Attributes:
        name: what was looked at.
        works: whether it works.
        required: whether LipTwin is of no use without it.
        found: what was found, a version or what went wrong.
        advice: what to do if it does not work; empty when there is nothing to do.
    """

    name: str
    works: bool
    required: bool
    found: str
    advice: str = ""


def examine() -> list[Check]:
    """Every check, in the order in which they are worth reading."""
    backends = [check_rendering(backend) for backend in BACKENDS]
    return [
        check_python(),
        check_mujoco(),
        summarise_rendering(backends),
        *backends,
        check_ffmpeg(),
        check_espeak(),
        check_serial_ports(),
        check_gpu(),
    ]


def check_python() -> Check:
    """The interpreter's version."""
    wanted = ".".join(map(str, MIN_PYTHON))
    return Check(
        "Python",
        sys.version_info >= MIN_PYTHON,
        required=True,
        found=platform.python_version(),
        advice=f"install Python {wanted} or later and set up again",
    )


def check_mujoco() -> Check:
    """MuJoCo's version."""
    try:
        found = version("mujoco")
    except PackageNotFoundError:
        return Check("MuJoCo", False, True, "not installed", "pip install 'mujoco>=4.0'")
    numbers = tuple(int(number) for number in re.findall(r"\d+", found)[:2])
    return Check("MuJoCo", numbers >= MIN_MUJOCO, True, found, "pip install 'mujoco>=4.0'")


def check_rendering(backend: str) -> Check:
    """Whether `backend` ("egl", "osmesa" or "glfw") draws a picture, tried in a fresh process."""
    name = f"rendering with {backend}"
    advice = _RENDERING_ADVICE[backend]
    environment = {**os.environ, VARIABLE: backend}
    tried = _try([sys.executable, "-m", "liptwin.gl"], environment)
    found = "draws a picture" if tried.works else tried.last_line
    return Check(name, tried.works, required=False, found=found, advice=advice)


def summarise_rendering(backends: list[Check]) -> Check:
    """Whether at least one back end draws."""
    working = [check.name.removeprefix("rendering with ") for check in backends if check.works]
    return Check(
        "pictures and videos",
        bool(working),
        required=True,
        found=f"by {', '.join(working)}" if working else "no back end draws",
        advice=f"on a machine without a screen, {_RENDERING_ADVICE['egl']}",
    )


def check_ffmpeg() -> Check:
    """Whether the ffmpeg that writes videos runs."""
    advice = "pip install --force-reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to your own"
    try:
        import imageio_ffmpeg

        executable = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        return Check("ffmpeg", False, True, str(error), advice)
    tried = _try([executable, "-version"])
    return Check("ffmpeg", tried.works, True, tried.first_line, advice)


def check_espeak() -> Check:
    """Whether text becomes sound."""
    from envs.speech import SynthesisError, synthesise

    advice = "pip install 'liptwin[tts]' (only --text needs it)"
    try:
        utterance = synthesise("hello")
    except SynthesisError as error:
        return Check("text to speech", False, False, str(error), advice)
    return Check(
        "text to speech",
        True,
        required=False,
        found=f'espeak-ng said "hello" in {utterance.audio.duration_s:.2f} s',
    )


def check_serial_ports() -> Check:
    """Which serial ports a servo bus could hang on."""
    ports = _serial_ports()
    closed = [port for port in ports if not os.access(port, os.R_OK | os.W_OK)]
    if closed:
        return Check(
            "serial ports",
            False,
            required=False,
            found=f"no permission for {', '.join(closed)}",
            advice="add yourself to the group: sudo usermod -aG dialout $USER; then log in anew",
        )
    return Check(
        "serial ports",
        bool(ports),
        required=False,
        found=", ".join(ports) or "none",
        advice="plug the servo controller in (only hardware needs it)",
    )


def check_gpu() -> Check:
    """Whether there is a GPU; nothing needs one."""
    name = "GPU"
    advice = "nothing to do: LipTwin runs without one"
    nvidia_smi = shutil.which("nvidia-smi")
    if nvidia_smi is not None:
        tried = _try([nvidia_smi, "--query-gpu=name,driver_version", "--format=csv,noheader"])
        if tried.works:
            return Check(name, True, False, tried.first_line + _torch_note())
    return Check(name, False, False, "none" + _torch_note(), advice)


@dataclass(frozen=True)
class _Trial:
    """How a program ended and what it said."""

    works: bool
    lines: list[str]

    @property
    def first_line(self) -> str:
        return self.lines[0] if self.lines else "said nothing"

    @property
    def last_line(self) -> str:
        return self.lines[-1] if self.lines else "said nothing"


def _try(command: list[str], environment: dict[str, str] | None = None) -> _Trial:
    try:
        process = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TRY_FOR_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _Trial(False, [f"no answer within {_TRY_FOR_S:.0f} s"])
    except OSError as error:
        return _Trial(False, [str(error)])
    lines = [line for line in process.stdout.decode(errors="replace").splitlines() if line.strip()]
    if process.returncode < 0:
        lines.append(f"crashed with signal {-process.returncode}")
    return _Trial(process.returncode == 0, lines)


def _serial_ports() -> list[str]:
    if importlib.util.find_spec("serial") is not None:
        from serial.tools import list_ports

        return sorted(port.device for port in list_ports.comports())
    return sorted(str(p) for kind in ("ttyUSB*", "ttyACM*") for p in Path("/dev").glob(kind))


def _torch_note() -> str:
    """How PyTorch would use the GPU; empty where PyTorch is not installed."""
    if importlib.util.find_spec("torch") is None:
        return ""
    code = "import torch; print(torch.__version__, 'cuda' if torch.cuda.is_available() else 'cpu')"
    return f"; PyTorch {_try([sys.executable, '-c', code]).last_line}"
