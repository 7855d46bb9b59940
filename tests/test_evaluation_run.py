"""An evaluation from end to end, small: performed, kept, gone on with, written down."""

# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

for _module, _extra in (
    ("safetensors", "learn"),
    ("tensorboard", "learn"),
    ("librosa", "learn"),
    ("espeakng_loader", "tts"),
    ("pocketsphinx", "align"),
):
    pytest.importorskip(_module, reason=f"needs {_module}: pip install 'liptwin[{_extra}]'")
torch = pytest.importorskip("torch", reason="needs torch: pip install 'liptwin[learn]'")

from envs.speech import synthesise
from envs.target import TargetFace, sample_shapes
from liptwin.commands.evaluate import write_folder
from liptwin.main import main
from policies import nearest
from policies.babble import babble
from policies.evaluation.materials import Material
from policies.evaluation.programme import SENTENCES, Programme, find
from policies.evaluation.results import FPS, load_achieved, load_wanted, save_wanted
from policies.evaluation.run import (
    RESULTS,
    EvaluationError,
    Performed,
    Section,
    perform,
    performed,
)
from policies.evaluation.systems import METHOD, SYSTEMS, WeightsFolder
from policies.learned.action_transformer import ActionTransformer
from policies.learned.imagination import Imagination
from policies.learned.lip_vae import LipVAE
from policies.learned.speech_encoder import SpeechEncoder
from policies.learned.weights import load_weights, save_weights
from policies.speech import Speech
from policies.training.vae import latents
from sim import FaceTwin
from sim.render import FaceRenderer


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other are slow where tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def leave_weights(folder: Path, seed: int) -> WeightsFolder:
    """Networks that have learned nothing."""
    torch.manual_seed(seed)
    networks = {
        "vae": LipVAE(),
        "action": ActionTransformer(),
        "imagination": Imagination(),
        "speech": SpeechEncoder(),
    }
    for name, network in networks.items():
        save_weights(folder / f"{name}.safetensors", network)
    return WeightsFolder(folder)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> WeightsFolder:
    return leave_weights(tmp_path_factory.mktemp("weights"), 0)


@pytest.fixture(scope="module")
def section() -> Section:
    said = synthesise("Bob, my boy.", "en-us")
    material = Material("bob", "en-us", Speech(said.audio, said.phones))
    return Section(SENTENCES, (material,), SYSTEMS, 1)


@pytest.fixture(scope="module")
def out(
    tmp_path_factory: pytest.TempPathFactory, section: Section, weights: WeightsFolder
) -> Iterator[Path]:
    """The section, performed."""
    folder = tmp_path_factory.mktemp("evaluation")
    with pytest.MonkeyPatch.context() as patch:
        table = babble(40, seed=0)  # a full table takes a minute where it is not kept yet
        patch.setattr(nearest, "cached_table", lambda progress: table)
        perform(folder, [section], weights)
        yield folder


def only(out: Path, section: Section, weights: WeightsFolder) -> Performed:
    (piece,) = performed(out, section, weights)
    return piece


def changed(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}


def test_what_is_wanted_is_what_the_target_face_shows(
    out: Path, section: Section, weights: WeightsFolder
) -> None:
    piece = only(out, section, weights)
    frame = 20
    shapes = sample_shapes(piece.material.speech.wanted_lips(FPS), np.arange(frame + 1) / FPS)
    face = TargetFace()
    face.show(shapes[frame])
    with FaceRenderer(face, 128, 128, "fast") as renderer:
        crop = renderer.render("lip_crop")
    np.testing.assert_allclose(piece.wanted.landmarks_mm[frame], face.landmarks() * 1e3, atol=1e-4)
    np.testing.assert_allclose(
        piece.wanted.latents[frame], latents(weights.vae(), crop[None])[0].numpy(), atol=1e-3
    )


def test_what_is_achieved_is_what_the_twin_does(
    out: Path, section: Section, weights: WeightsFolder
) -> None:
    piece = only(out, section, weights)
    assert set(piece.achieved) == set(SYSTEMS)
    n = len(piece.wanted.landmarks_mm)
    for achieved in piece.achieved.values():
        twin = FaceTwin()
        assert achieved.commands.shape == (n, 10)
        np.testing.assert_allclose(achieved.landmarks_mm[0], twin.landmarks() * 1e3, atol=1e-4)
        for command in achieved.commands[:-1]:
            twin.step(command, 1.0 / FPS)
        np.testing.assert_allclose(achieved.landmarks_mm[-1], twin.landmarks() * 1e3, atol=1e-3)
        assert achieved.lips.aperture_mm[-1] == pytest.approx(twin.aperture_mm(), abs=1e-6)
        assert achieved.latents.shape == (n, 16)
    actor = load_weights(weights.path("action"), ActionTransformer())
    method = actor.perform(torch.from_numpy(piece.wanted.latents))
    np.testing.assert_allclose(piece.achieved[METHOD].commands, method.numpy(), atol=1e-6)


def test_what_is_done_is_not_done_again(
    out: Path, section: Section, weights: WeightsFolder
) -> None:
    before = changed(out)
    assert len(before) == 1 + len(SYSTEMS)
    perform(out, [section], weights)
    assert changed(out) == before
    (lost,) = out.rglob("amplitude.npz")
    lost.unlink()
    (damaged,) = out.rglob("method.npz")
    damaged.write_bytes(damaged.read_bytes()[:200])
    with pytest.raises(EvaluationError, match="run the evaluation again"):
        list(performed(out, section, weights))
    perform(out, [section], weights)
    after = changed(out)
    assert {name for name in after if after[name] != before.get(name)} == {
        "amplitude.npz",
        "method.npz",
    }
    assert list(performed(out, section, weights))


def test_other_weights_are_another_result(
    out: Path, section: Section, weights: WeightsFolder, tmp_path: Path
) -> None:
    other = leave_weights(tmp_path, 0)
    assert other.fingerprint(METHOD) == weights.fingerprint(METHOD), "the same numbers"
    torch.manual_seed(7)
    save_weights(other.path("action"), ActionTransformer())
    assert other.fingerprint(METHOD) != weights.fingerprint(METHOD)
    assert other.fingerprint("audio only") != weights.fingerprint("audio only")
    assert other.fingerprint("amplitude") == weights.fingerprint("amplitude")
    assert other.fingerprint() == weights.fingerprint()
    with pytest.raises(EvaluationError):
        list(performed(out, section, other))


def test_results_are_whole_or_not_there(tmp_path: Path, out: Path, section: Section) -> None:
    (target,) = (out / RESULTS).rglob("target.npz")
    with np.load(target) as archive:
        fingerprint = str(archive["fingerprint"])
    wanted = load_wanted(target, fingerprint)
    assert wanted is not None
    assert load_wanted(target, "another") is None
    assert load_wanted(tmp_path / "none.npz", fingerprint) is None
    assert load_achieved(target, fingerprint + "x") is None
    save_wanted(tmp_path / "deep" / "copy.npz", "mine", wanted)
    copy = load_wanted(tmp_path / "deep" / "copy.npz", "mine")
    assert copy is not None
    np.testing.assert_array_equal(copy.latents, wanted.latents)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["copy.npz"]


def test_the_folder(
    out: Path, section: Section, weights: WeightsFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'liptwin[plots]'")
    findings = find(out, Programme({SENTENCES: section}, ("songs: none",)), weights)
    write_folder(out, findings, [])
    page = (out / "README.md").read_text(encoding="utf-8")
    assert re.match(r"\*\*\d+ of \d+ bars are reached\.\*\*", page)
    assert "songs: none" in page
    for name in re.findall(r"\]\((\S+?)\)", page):
        assert (out / name).is_file(), name
    paper = json.loads((out / "paper.json").read_text(encoding="utf-8"))["rows"]
    rows = {row["lips"]: row for row in paper}
    assert rows["method"]["times the system's"] == 1.0
    n = rows["method"]["frames"]
    assert rows["1 frame shifted"]["frames"] == 2 * (n - 1)
    assert rows["random frames"]["latent: mean"] > 0
    assert "bars are reached" in capsys.readouterr().out


def test_the_card_tells_what_was_tried(tmp_path: Path) -> None:
    folder = WeightsFolder(tmp_path)
    assert folder.tried() is None
    card = tmp_path / "README.md"
    card.write_text("# Weights\n\n## What they saw\n\nLips.\n", encoding="utf-8")
    assert folder.tried() is None
    told = "## What was tried\n\nMore width:\nno gain.\n\n## Licence\n\nApache.\n"
    card.write_text(f"# Weights\n\nText.\n\n{told}", encoding="utf-8")
    assert folder.tried() == "More width:\nno gain."


def test_missing_weights_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_weights(tmp_path, 0).path("vae").unlink()
    with pytest.raises(SystemExit) as leaving:
        main(["evaluate", str(tmp_path / "out"), "--weights", str(tmp_path)])
    assert leaving.value.code == 2
    message = capsys.readouterr().err
    assert "there is no vae.safetensors" in message
    assert "Traceback" not in message
    assert not (tmp_path / "out").exists()


def test_unknown_languages_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_weights(tmp_path, 0)
    with pytest.raises(SystemExit) as leaving:
        main(["evaluate", str(tmp_path / "out"), "--weights", str(tmp_path), "--languages", "xx"])
    assert leaving.value.code == 2
    assert "--languages: xx is not evaluated" in capsys.readouterr().err


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["evaluate", "--help"])
    assert leaving.value.code == 0
    assert "liptwin evaluate --quick" in capsys.readouterr().out
