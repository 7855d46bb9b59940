"""What a video frame costs: the calls between two frames, and the picture."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Final

from benchmarks.case import Case, Effort, Sample, Sampler
from benchmarks.speech import FPS
from sim import FaceTwin
from sim.model import Skin
from sim.poses import POSES
from sim.render import FaceRenderer, Quality

MILLISECONDS: Final = "ms"
SIZES_PX: Final = (128, 256, 512)


def _timed(call: Callable[[], object], repeats: int) -> Sample:
    start = perf_counter()
    for _ in range(repeats):
        call()
    return {MILLISECONDS: (perf_counter() - start) / repeats * 1e3}


def _open_mouthed(skin: Skin) -> FaceTwin:
    twin = FaceTwin(skin)
    twin.step(POSES["aa"], 1.0)
    return twin


@contextmanager
def _call(name: str, skin: Skin, effort: Effort) -> Iterator[Sampler]:
    twin = _open_mouthed(skin)
    points = twin.control_points()
    call: Callable[[], object] = {
        "step": lambda: twin.step(POSES["aa"], 1 / FPS),
        "control points": twin.control_points,
        "surface": lambda: twin.skin_model.surface(points),
        "landmarks": twin.landmarks,
        "measure": twin.measure,
    }[name]
    yield lambda: _timed(call, effort.frames)


@contextmanager
def _picture(size: int, quality: Quality, effort: Effort) -> Iterator[Sampler]:
    twin = _open_mouthed("condensed")
    with FaceRenderer(twin, size, size, quality) as renderer:
        yield lambda: _timed(lambda: renderer.render("portrait"), effort.frames)


CALL_CASES: Final = (
    Case("step one frame, shell", partial(_call, "step", "shell")),
    Case(
        "step one frame, fast",
        partial(_call, "step", "condensed"),
        baseline="step one frame, shell",
    ),
    Case("control points, shell", partial(_call, "control points", "shell")),
    Case(
        "control points, fast",
        partial(_call, "control points", "condensed"),
        baseline="control points, shell",
    ),
    Case("visual surface", partial(_call, "surface", "condensed")),
    Case("landmarks", partial(_call, "landmarks", "condensed")),
    Case("measure", partial(_call, "measure", "condensed"), baseline="landmarks"),
)

PICTURE_CASES: Final = tuple(
    Case(
        f"{size}x{size} {quality}",
        partial(_picture, size, quality),
        baseline=None if quality == "fast" else f"{size}x{size} fast",
    )
    for size in SIZES_PX
    for quality in ("fast", "beautiful")
)
