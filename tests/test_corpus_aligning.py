"""Aligning a corpus: what is kept, what is dropped and counted, and what is remembered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from envs.speech import Audio, synthesise, write_wav
from envs.speech.alignment import Alignment, AlignmentError, disagreement_ms
from envs.speech.corpus import (
    Corpus,
    Recording,
    align_corpus,
    align_recordings,
    aligned_utterances,
    aligning,
    cache,
    read_folder,
    summarise,
)
from envs.speech.corpus.edges import MARGIN_S, align_spoken, spoken_span
from liptwin.commands.corpus import corpus as command
from liptwin.errors import CommandError

T = TypeVar("T")

pytest.importorskip("espeakng_loader", reason='pip install "liptwin[tts]"')
pytest.importorskip("pocketsphinx", reason='pip install "liptwin[align]"')

TEXTS = {"boat": "Move the blue boat.", "deep/phone": "Your phone number."}


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good recordings, one that says something else, and one that is no audio."""
    root = tmp_path_factory.mktemp("recordings")
    texts = {**TEXTS, "other": "Seventeen old judges went fishing."}
    for key, text in texts.items():
        path = root / f"{key}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        said = "Fine." if key == "other" else text
        write_wav(path, synthesise(said).audio)
        path.with_suffix(".txt").write_text(text)
    (root / "broken.wav").write_bytes(b"RIFF")
    (root / "broken.txt").write_text("Nothing.")
    return root


def entries() -> list[Path]:
    return sorted(cache.alignment_folder().glob("*"))


def quiet(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.zeros(round(seconds * 16000), np.float32)


def test_what_is_kept_and_what_is_dropped(folder: Path) -> None:
    corpus = read_folder(folder, "en-us")
    outcomes = align_corpus(corpus, workers=1)
    assert [outcome.recording for outcome in outcomes] == list(corpus.recordings)
    summary = summarise(corpus, outcomes)
    assert summary.recordings == 4
    assert summary.aligned == 2 and summary.share == pytest.approx(0.5)
    assert summary.dropped.pop("audio cannot be read") == 1
    assert sum(summary.dropped.values()) == 1
    assert 0 < summary.kept_s < summary.total_s
    utterances = {utterance.key: utterance for utterance in aligned_utterances(outcomes)}
    assert {key: utterance.text for key, utterance in utterances.items()} == TEXTS
    for utterance in utterances.values():
        exact = synthesise(utterance.text, utterance.voice)
        assert utterance.audio.duration_s == pytest.approx(exact.audio.duration_s)
        assert utterance.phones[0].start_s == 0
        assert utterance.phones[-1].end_s == pytest.approx(exact.audio.duration_s, abs=0.02)
        for phone, following in pairwise(utterance.phones):
            assert phone.start_s < phone.end_s == following.start_s
        spoken = [
            [phone for phone in phones if not phone.is_silence]
            for phones in (utterance.phones, exact.phones)
        ]
        assert disagreement_ms(*spoken) < 20


def test_what_was_done_is_not_done_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = read_folder(folder, "en-us")
    first = align_corpus(corpus, workers=1)
    assert len(entries()) == 3  # one of four recordings has no samples to go by

    def refuse(*_: object) -> Alignment:
        raise AssertionError("aligned again")

    monkeypatch.setattr(aligning, "align_spoken", refuse)
    assert align_corpus(corpus, workers=1) == first
    moved = tuple(replace(r, key=f"moved/{r.key}") for r in corpus.recordings)
    assert [o.phones for o in align_recordings(moved, workers=1)] == [o.phones for o in first]


@pytest.mark.parametrize("damage", ["truncated", "changed", "empty", "other", "not a file"])
def test_a_damaged_entry_is_made_again(folder: Path, damage: str) -> None:
    chosen = read_folder(folder, "en-us").recordings[:1]
    (first,) = align_recordings(chosen)
    (entry,) = entries()
    content = entry.read_text()
    if damage == "not a file":
        entry.unlink()
        entry.mkdir()
    else:
        entry.write_text(
            {
                "truncated": content[: len(content) // 2],
                "changed": content.replace('"phones": [["', '"phones": [["z', 1),
                "empty": "",
                "other": json.dumps({"checksum": 3, "finding": []}),
            }[damage]
        )
    assert align_recordings(chosen) == (first,)
    if entry.is_file():
        assert entry.read_text() == content
    assert entries() == [entry]


def test_names_of_entries_depend_on_everything() -> None:
    audio = synthesise("Hello.").audio
    changed = audio.samples.copy()
    changed[100] += 0.01
    keys = {
        cache.key_of(audio, "Hello.", "en-us"),
        cache.key_of(audio, "Hello", "en-us"),
        cache.key_of(audio, "Hello.", "fr"),
        cache.key_of(replace(audio, samples=changed), "Hello.", "en-us"),
    }
    assert len(keys) == 4
    assert cache.key_of(replace(audio, source="elsewhere"), "Hello.", "en-us") in keys


def test_a_cache_that_cannot_be_written_does_not_matter(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (outcome,) = align_recordings(read_folder(folder, "en-us").recordings[:1])
    assert outcome.dropped is None


def test_processes_find_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings = read_folder(folder, "en-us").recordings * 2
    alone = align_recordings(recordings, workers=1)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    assert align_recordings(recordings, workers=2) == alone


def test_what_is_done_stays_when_interrupted(folder: Path) -> None:
    def interrupted(items: Iterable[T], total: int, description: str) -> Iterator[T]:
        assert total == 8 and description == "aligning"
        yield next(iter(items))
        raise KeyboardInterrupt

    recordings = read_folder(folder, "en-us").recordings * 2
    with pytest.raises(KeyboardInterrupt):
        align_recordings(recordings, workers=2, progress=interrupted)
    assert entries()
    assert all(entry.suffix == ".json" for entry in entries())


def test_a_recording_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    write_wav(path, Audio(quiet(61), 16000, "long"))
    (outcome,) = align_recordings([Recording(path, "hello", "en-us", "long")])
    assert outcome.dropped == "too long" and outcome.phones is None
    assert outcome.duration_s == pytest.approx(61)


def test_a_voice_that_does_not_exist(folder: Path) -> None:
    (recording,) = read_folder(folder, "xx").recordings[:1]
    assert align_recordings([recording])[0].dropped == "cannot be spoken"


def test_an_aligner_that_is_missing_is_no_failure_of_the_recording(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_LIBRARIES", ("no-such-aligner",))
    cache.aligners.cache_clear()
    with pytest.raises(
        AlignmentError, match=r'no-such-aligner: run pip install "liptwin\[align\]"'
    ):
        align_corpus(read_folder(folder, "en-us"))
    monkeypatch.undo()
    cache.aligners.cache_clear()


def test_nothing_to_align() -> None:
    empty = Corpus("empty", (), {})
    summary = summarise(empty, align_corpus(empty))
    assert summary.share == 0 and summary.quartiles_ms is None


def test_silence_around_the_speech_changes_nothing() -> None:
    text = "Six books."
    plain = synthesise(text).audio
    padded = Audio(np.concatenate([quiet(0.4), plain.samples, quiet(0.3)]), 16000, "padded")
    one, other = align_spoken(plain, text, "en-us"), align_spoken(padded, text, "en-us")
    ours, theirs = ([p for p in a.phones if not p.is_silence] for a in (one, other))
    assert [p.ipa for p in ours] == [p.ipa for p in theirs]
    shifts = [b.start_s - a.start_s for a, b in zip(ours, theirs, strict=True)]
    assert np.median(shifts) == pytest.approx(0.4, abs=0.011)
    assert other.trusted
    assert other.phones[0].is_silence and other.phones[0].start_s == 0
    assert other.phones[-1].is_silence
    assert other.phones[-1].end_s == pytest.approx(padded.duration_s)
    for phone, following in pairwise(other.phones):
        assert phone.start_s < phone.end_s == following.start_s


def test_the_span_of_speech() -> None:
    tone = np.full(1600, 0.5, np.float32)
    samples = np.concatenate([quiet(0.2), tone, quiet(0.505)])
    first, last = spoken_span(Audio(samples, 16000, "tone"))
    assert first / 16000 == pytest.approx(0.2 - MARGIN_S)
    assert last / 16000 == pytest.approx(0.3 + MARGIN_S)
    for all_of_it in (quiet(0.5), tone):
        assert spoken_span(Audio(all_of_it, 16000, "all")) == (0, all_of_it.size)


def run(*arguments: str) -> None:
    command(args=list(arguments), standalone_mode=False)


def test_the_command_aligns(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="pip install matplotlib")
    report, plot = tmp_path / "a.json", tmp_path / "a.png"
    run("align", str(folder), "--workers", "1", "--json", str(report), "--plot", str(plot))
    assert "2 (50%)" in capsys.readouterr().out
    (found,) = json.loads(report.read_text())
    assert found["aligned"] == 2
    outcomes = {outcome["key"]: outcome for outcome in found["outcomes"]}
    assert outcomes["boat"]["dropped"] is None and outcomes["boat"]["disagreement_ms"] < 40
    assert outcomes["broken"]["dropped"] == "audio cannot be read"
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob(".*"))
    run("list", str(folder))
    assert "recordings" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("align", "nowhere"), "nowhere: there is no such folder"),
        (("list", "nowhere"), "nowhere: there is no such folder"),
        (("align", "nowhere", "--json", "a.txt"), "must end in .json"),
        (("install", "--language", "de"), "no prompts in 'de'; choose of en, es, fr, it, ru"),
    ],
)
def test_what_the_command_refuses(arguments: tuple[str, ...], problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        run(*arguments)
