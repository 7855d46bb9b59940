"""Build everything generated in `assets/face_model`: python -m sim.build_model [--help]."""

import argparse
import os
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
from PIL import Image
from rich.progress import track

from sim.build_model import cranium, eyes, oral
from sim.build_model.condense import Condensed, condense, stiffness_xml
from sim.build_model.face_mesh import FaceMesh, face_mesh
from sim.build_model.interpolation import interpolation_matrix
from sim.build_model.landmark_sites import contour_sites, strip_sites
from sim.build_model.mesh import write_obj
from sim.build_model.residual import (
    KERNEL_LENGTH,
    Settled,
    Settler,
    fit_residual,
    sample_commands,
    settle_shells,
)
from sim.build_model.shell import (
    BODY_ORIGINS,
    FREE,
    VISIBLE_THICKNESS_M,
    Shell,
    build_shell,
    lower_lip_middle,
    shell_xml,
)
from sim.build_model.skn import skn_bytes
from sim.build_model.surface import lip_patch
from sim.build_model.texture import face_texture
from sim.model import FACE_MODEL_DIR
from sim.skin import BONES, SKIN_FILE, SkinModel, blend_bones

N_SAMPLES = 2400
SETTLED_FILE = "settled.npz"
PARTS = {
    "upper_teeth": oral.upper_teeth,
    "upper_gum": oral.upper_gum,
    "lower_teeth": oral.lower_teeth,
    "lower_gum": oral.lower_gum,
    "tongue": oral.tongue,
    "cavity": oral.palate_cavity,
    "eyeball": eyes.eyeball,
    "head_shell": cranium.head_shell,
    "head_trim": cranium.head_trim,
    "neck": cranium.neck,
    "neck_trim": cranium.neck_trim,
    "ears": cranium.ears,
    "ear_trim": cranium.ear_trim,
}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(content)
    beside.replace(path)


def write_parts(folder: Path) -> None:
    """Rigid parts and textures."""
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    for name, build in PARTS.items():
        write_obj(folder / "assets" / f"{name}.obj", build())
    pictures = {
        "face": face_texture(),
        "eye": eyes.eye_texture(),
        "tooth": oral.tooth_texture(),
    }
    for name, picture in pictures.items():
        path = folder / "assets" / f"{name}.png"
        Image.fromarray(picture).save(path, optimize=True)


def condense_shell(shell: Shell, folder: Path) -> tuple[Condensed, Settled]:
    """Condense the shell of `folder` (skin_shell.xml and the parts must be there); also the shell
    at rest."""
    loose = replace(shell, attachment=np.full_like(shell.attachment, FREE))
    spec = mujoco.MjSpec.from_string(shell_xml(loose))
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_DISCRETE
    settler = Settler(folder)
    data = settler.settle(settler.table.rest_commands)
    joints, vertices = settler.read(data)
    condensed = condense(shell, settler.model, data, spec.compile())
    return condensed, Settled(joints[None], vertices[None])


def write_visual_skin(folder: Path, mesh: FaceMesh, weights: np.ndarray) -> None:
    """The six-bone skin; weights (n, 6) of the visual vertices."""
    bones = [(name, BODY_ORIGINS[name]) for name in BONES]
    content = skn_bytes(mesh.vertices, mesh.uv, mesh.faces, bones, weights)
    _write(folder / "assets" / "face.skn", content)


def build_shell_and_bones(folder: Path) -> None:
    """Shell, condensation and six-bone visual skin."""
    shell, mesh = build_shell(), face_mesh()
    # shell.xml refers to the visual skin: any weights serve until the condensation is known
    write_visual_skin(folder, mesh, np.tile(np.eye(1, len(BONES)), (len(mesh.vertices), 1)))
    _write(folder / "skin_shell.xml", shell_xml(shell).encode())
    condensed, _ = condense_shell(shell, folder)
    _write(folder / "skin_stiffness.xml", stiffness_xml(condensed).encode())
    visual = interpolation_matrix(mesh.theta, mesh.r)
    write_visual_skin(folder, mesh, visual @ condensed.bone_weights)


def settle(folder: Path, samples: int, workers: int) -> None:
    """Settle shells under random commands."""
    commands = np.array([sample_commands(k) for k in range(samples)])
    settled = settle_shells(
        folder, commands, workers, lambda results: track(results, "settling shells", total=samples)
    )
    _write(folder / SETTLED_FILE, settled.to_bytes(build_shell().vertices))


def fit_skin(folder: Path) -> None:
    """Fit the residual to the settled shells and write everything the twin needs of the skin."""
    shell, mesh = build_shell(), face_mesh()
    visual = interpolation_matrix(mesh.theta, mesh.r)
    condensed, rest = condense_shell(shell, folder)
    weights = condensed.bone_weights
    mechanism = mujoco.MjModel.from_xml_path(str(folder / "condensed.xml"))
    fit = fit_residual(
        Settled.load(folder / SETTLED_FILE, shell.vertices),
        rest,
        lambda joints: blend_bones(mechanism, shell.vertices, weights, joints),
    )
    theta, r = contour_sites()
    step = 1e-3
    contour = [(theta, r), (theta + step, r), (theta - step, r), (theta, r + step)]
    strips = strip_sites()
    strip_weights = interpolation_matrix(strips[0].ravel(), strips[1].ravel()).toarray()
    skin = SkinModel(
        shell_vertices=shell.vertices,
        shell_faces=shell.faces,
        bone_weights=weights,
        modes=fit.modes,
        coefficients=fit.coefficients,
        powers=fit.powers,
        centres=fit.centres,
        kernel_weights=fit.kernel_weights,
        kernel_length=KERNEL_LENGTH,
        visual_vertices=mesh.vertices,
        visual_faces=mesh.faces,
        visual_weights=visual,
        contour_vertices=np.array([lip_patch(*site) for site in contour]) * 1e-3,
        contour_weights=np.array([interpolation_matrix(*site).toarray() for site in contour]),
        strip_vertices=lip_patch(*strips) * 1e-3,
        strip_weights=strip_weights.reshape(*strips[0].shape, -1),
        lower_lip=lower_lip_middle(shell),
        thickness=VISIBLE_THICKNESS_M,
    )
    _write(folder / SKIN_FILE, skin.to_bytes())


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.build_model",
        description="Regenerate meshes, textures, shell, condensation and residual of the face.",
    )
    parser.add_argument("--folder", type=Path, default=FACE_MODEL_DIR, help="model folder to write")
    parser.add_argument(
        "--samples", type=int, default=N_SAMPLES, help="settled shells the residual learns from"
    )
    parser.add_argument(
        "--keep-settled",
        action="store_true",
        help=f"fit to the {SETTLED_FILE} that is there instead of settling again (20 minutes)",
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    arguments = parser.parse_args()
    write_parts(arguments.folder)
    build_shell_and_bones(arguments.folder)
    if not arguments.keep_settled:
        settle(arguments.folder, arguments.samples, arguments.workers)
    fit_skin(arguments.folder)
    print(f"built {arguments.folder}")


if __name__ == "__main__":
    main()
