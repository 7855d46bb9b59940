"""Choose MuJoCo's rendering back end, and try one: `python -m liptwin.gl`.

MuJoCo reads the environment variable MUJOCO_GL once, when it is imported, so the choice has to be
made before. This module therefore imports nothing heavy at its top.
"""

from __future__ import annotations

import ctypes
import os
import sys

from liptwin.errors import CommandError

VARIABLE = "MUJOCO_GL"
BACKENDS = ("egl", "osmesa", "glfw")
# What MuJoCo takes without failing at its import; empty and "glx" mean its default.
_VALUES = {*BACKENDS, "", "glx", "enable", "enabled", "on", "true", "1"}
_VALUES |= {"disable", "disabled", "off", "false", "0"}
# What each headless back end cannot do without.
_LIBRARIES = {"egl": "libEGL.so.1", "osmesa": "libOSMesa.so.8"}
_PROBE_MODEL = """
<mujoco>
  <worldbody>
    <light pos="0 0 3"/>
    <geom type="sphere" size="0.5" rgba="1 0 0 1"/>
  </worldbody>
</mujoco>
"""


def prepare(*, rendering: bool) -> None:
    """Get MUJOCO_GL right for a command, before it imports MuJoCo.

    Args:
        rendering: whether it is going to render; if not, no back end is even loaded.

    Raises:
        CommandError: MUJOCO_GL is set to a back end that is unknown or not installed.
    """
    if not rendering:
        os.environ[VARIABLE] = "disabled"
        return
    choose_backend()
    chosen = os.environ.get(VARIABLE, "").strip().lower()
    if chosen not in _VALUES:
        raise CommandError(
            f"{VARIABLE}={chosen} is not a rendering back end; "
            f"unset it, or set it to {', '.join(BACKENDS)}"
        )
    library = _LIBRARIES.get(chosen)
    if library is not None and not _loads(library):
        raise CommandError(
            f"{VARIABLE}={chosen} needs {library}, which is not installed; "
            f"install it or unset {VARIABLE}",
            exit_status=1,
        )


def choose_backend() -> None:
    """Set MUJOCO_GL for a machine without a screen: EGL, else OSMesa; what the user set stays."""
    has_screen = "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    if VARIABLE in os.environ or has_screen or sys.platform != "linux":
        return
    for backend, library in _LIBRARIES.items():
        if _loads(library):
            os.environ[VARIABLE] = backend
            return


def draws_a_picture() -> bool:
    """Render a red ball with the back end chosen, and look whether it is there.

    Raises:
        Exception: whatever the back end raises when it cannot be used at all.
    """
    import mujoco

    model = mujoco.MjModel.from_xml_string(_PROBE_MODEL)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with mujoco.Renderer(model, height=48, width=64) as renderer:
        renderer.update_scene(data)
        picture = renderer.render()
    red, green, blue = (int(value) for value in picture[24, 32])
    return red > 100 and red > 2 * green and red > 2 * blue and int(picture[0, 0].max()) < 50


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _main() -> int:
    try:
        prepare(rendering=True)
        drawn = draws_a_picture()
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    if not drawn:
        sys.stderr.write("it draws, but the picture is wrong\n")
    return 0 if drawn else 1


if __name__ == "__main__":
    sys.exit(_main())
