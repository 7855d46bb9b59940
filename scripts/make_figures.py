"""Make every picture of the documentation: .venv/bin/python -m scripts.make_figures"""

import os

os.environ.setdefault("MUJOCO_GL", "egl")

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from PIL import Image

from benchmarks.vocaltract import UNSEEN, tract_lips
from envs.speech import articulate, frame_count, frame_times, synthesise
from envs.target import REST_SHAPE, LipShape, TargetFace, sample_shapes
from liptwin.rollout import roll_out
from policies import POLICIES, Speech, make_policy
from sim import FaceTwin
from sim.build_model.face_mesh import face_mesh
from sim.build_model.shell import FREE, build_shell
from sim.landmarks import LIP_LANDMARKS
from sim.poses import POSES
from sim.render import FaceRenderer, project
from sim.skin import BONES

ROOT = Path(__file__).resolve().parents[1]
SHAPES = ("rest", "aa", "ee", "oo", "mm", "ff")
WANTED = {
    "rest": REST_SHAPE,
    "m": LipShape(closure=1.0, jaw_deg=1.0),
    "f": LipShape(aperture_mm=1.5, width_mm=52.0, jaw_deg=1.5, lip_to_teeth=1.0),
    "ee": LipShape(aperture_mm=5.0, width_mm=60.0, protrusion_mm=-1.0, jaw_deg=2.0),
    "ah": LipShape(aperture_mm=13.0, width_mm=51.0, jaw_deg=9.0),
    "oh": LipShape(aperture_mm=8.0, width_mm=44.0, protrusion_mm=3.5, jaw_deg=6.0),
    "oo": LipShape(aperture_mm=3.5, width_mm=42.0, protrusion_mm=5.0, jaw_deg=2.0),
    "sh": LipShape(aperture_mm=5.0, width_mm=46.0, protrusion_mm=4.0, jaw_deg=2.0),
}
SENTENCE = "My mother moved five blue boats."
COLOURS = {
    FREE: "#c9c9c9",
    "world": "#444444",
    "jaw": "#d08c2e",
    "upper_lip": "#b5414c",
    "lower_lip": "#e07a86",
    "corner_right": "#3b76af",
    "corner_left": "#55a868",
}


def _save(figure: plt.Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    print(f"wrote {path.relative_to(ROOT)}")


def _posed(twin: FaceTwin, name: str) -> None:
    twin.reset()
    twin.step(POSES[name], 1.0)


def first_screen(twin: FaceTwin) -> None:
    """The picture of the README: six mouth shapes, three views."""
    size = 300
    with FaceRenderer(twin, size, size) as renderer:
        columns = []
        for name in SHAPES:
            _posed(twin, name)
            views = [renderer.render(camera) for camera in ("portrait", "three_quarter", "mouth")]
            columns.append(np.concatenate(views))
    sheet = Image.fromarray(np.concatenate(columns, axis=1))
    path = ROOT / "docs" / "images" / "shapes.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, quality=88)
    print(f"wrote {path.relative_to(ROOT)}")


def landmark_map(twin: FaceTwin) -> None:
    """The 40 landmarks, numbered, on two mouths."""
    size = 720
    figure, axes = plt.subplots(1, 2, figsize=(13, 6.5))
    with FaceRenderer(twin, size, size) as renderer:
        for axis, name in zip(axes, ("rest", "aa"), strict=True):
            _posed(twin, name)
            axis.imshow(renderer.render("lip_crop"))
            pixels = project(twin, twin.landmarks(), "lip_crop", size, size)
            axis.plot(*pixels.T, "o", ms=4, color="white", mec="black")
            for (x, y), index in zip(pixels, LIP_LANDMARKS, strict=True):
                axis.annotate(str(index), (x, y), (3, 3), textcoords="offset points", fontsize=7)
            axis.set(title=name, xticks=[], yticks=[])
    _save(figure, ROOT / "docs" / "images" / "landmarks.png")


def _front(axis: Axes, points_mm: NDArray[np.float64], faces: NDArray[np.int64]) -> None:
    axis.triplot(points_mm[:, 0], points_mm[:, 2], faces, lw=0.35, color="#777777")
    axis.set_aspect("equal")
    axis.invert_xaxis()
    axis.set_xlabel("x, mm (subject's right on the left)")


def model_steps(twin: FaceTwin) -> None:
    """How the model is derived: surface, shell, glue, weights, condensed face."""
    shell, mesh = build_shell(), face_mesh()
    figure, axes = plt.subplots(2, 3, figsize=(16, 13))
    _front(axes[0, 0], mesh.vertices * 1e3, mesh.faces)
    axes[0, 0].set_title(f"1  surface: {len(mesh.vertices)} visual vertices")
    _front(axes[0, 1], shell.vertices * 1e3, shell.faces)
    axes[0, 1].set_title(f"2  shell: {len(shell.vertices)} vertices, {len(shell.faces)} triangles")
    _front(axes[0, 2], shell.vertices * 1e3, shell.faces)
    for body, colour in COLOURS.items():
        at = shell.vertices[shell.attachment == body] * 1e3
        axes[0, 2].plot(at[:, 0], at[:, 2], "o", ms=5, color=colour, label=body or "free")
    axes[0, 2].legend(loc="upper right", fontsize=8)
    axes[0, 2].set_title("3  what each vertex is glued to")
    for axis, bone in zip(axes[1, :2], ("jaw", "corner_left"), strict=True):
        weight = twin.skin_model.bone_weights[:, BONES.index(bone)]
        x, _, z = shell.vertices.T * 1e3
        shade = axis.tripcolor(x, z, shell.faces, weight, cmap="viridis", shading="gouraud")
        figure.colorbar(shade, ax=axis, shrink=0.6)
        axis.set_aspect("equal")
        axis.invert_xaxis()
        axis.set_title(f"4  condensed weights of {bone}")
    with FaceRenderer(twin, 700, 700) as renderer:
        _posed(twin, "ee")
        axes[1, 2].imshow(renderer.render("portrait"))
    axes[1, 2].set(title="5  the fast face: bones and residual", xticks=[], yticks=[])
    _save(figure, ROOT / "assets" / "face_model" / "face_model.png")


def target_shapes() -> None:
    """The target face making eight wanted shapes, seen from two sides."""
    face = TargetFace()
    figure, axes = plt.subplots(2, len(WANTED), figsize=(2 * len(WANTED), 4.3))
    with FaceRenderer(face, 300, 300) as renderer:
        for column, (name, shape) in zip(axes.T, WANTED.items(), strict=True):
            face.show(shape)
            for axis, camera in zip(column, ("mouth", "three_quarter"), strict=True):
                axis.imshow(renderer.render(camera))
                axis.set(xticks=[], yticks=[])
            column[0].set_title(name)
    figure.subplots_adjust(wspace=0.03, hspace=0.03)
    _save(figure, ROOT / "docs" / "images" / "target.png")


def target_and_policies() -> None:
    """The opening that a sentence asks for, and what the twin makes of it with each policy."""
    utterance = synthesise(SENTENCE)
    speech = Speech(utterance.audio, utterance.phones)
    fps = 60.0
    times = frame_times(frame_count(utterance.audio.duration_s, fps), fps)
    figure, axis = plt.subplots(figsize=(12, 3.6))
    wanted = [shape.aperture_mm for shape in sample_shapes(speech.wanted_lips(fps), times)]
    axis.plot(times, wanted, color="black", lw=2.2, label="target")
    for name in POLICIES:
        twin = FaceTwin()
        frames = roll_out(twin, make_policy(name).commands(speech, fps), fps)
        opened = [twin.aperture_mm() for _ in frames]
        axis.plot(times, opened, label=f"twin, {name}")
    for index, phone in enumerate(utterance.phones):
        axis.axvspan(phone.start_s, phone.end_s, color="#eef1f6" if index % 2 else "white")
        if not phone.is_silence:
            middle = 0.5 * (phone.start_s + phone.end_s)
            axis.text(middle, -1.8, phone.ipa, ha="center", va="center", fontsize=9)
    axis.set(xlim=(0, times[-1]), ylim=(-3, None), xlabel="s", ylabel="opening, mm")
    axis.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, fontsize=9, frameon=False)
    _save(figure, ROOT / "docs" / "images" / "target_curves.png")


def vocal_tract() -> None:
    """The opening and the protrusion of one sentence, beside VocalTractLab's."""
    utterance = synthesise(UNSEEN["de"][1], "de")
    lips, tract = articulate(utterance.phones, 100.0), tract_lips(utterance.phones)
    figure, (opening, rounding) = plt.subplots(2, 1, figsize=(12, 5), sharex=True)
    opening.plot(lips.times_s, lips.aperture_mm, color="black", label="articulate()")
    opening.plot(tract.times_s, tract.aperture_mm, label="VocalTractLab")
    rounding.plot(lips.times_s, lips.protrusion_mm, color="black")
    other = rounding.twinx()
    other.plot(tract.times_s, tract.protrusion, color="C0")
    for index, phone in enumerate(utterance.phones):
        for axis in (opening, rounding):
            axis.axvspan(phone.start_s, phone.end_s, color="#eef1f6" if index % 2 else "white")
        if not phone.is_silence:
            middle = 0.5 * (phone.start_s + phone.end_s)
            opening.text(middle, -1.5, phone.ipa, ha="center", va="center", fontsize=9)
    opening.set(xlim=(0, lips.times_s[-1]), ylim=(-2.5, None), ylabel="opening, mm")
    rounding.set(xlabel="s", ylabel="protrusion, mm")
    other.set(ylabel="LP, VocalTractLab")
    opening.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, fontsize=9, frameon=False)
    _save(figure, ROOT / "docs" / "images" / "vocaltract.png")


def main() -> None:
    """Make all pictures."""
    vocal_tract()
    target_shapes()
    target_and_policies()
    twin = FaceTwin("condensed", ideal_servos=True)
    first_screen(twin)
    landmark_map(twin)
    model_steps(twin)


if __name__ == "__main__":
    main()
