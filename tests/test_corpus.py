"""Recorded speech with transcripts: reading it, splitting it, and what is left out."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.speech.corpus import (
    PROMPTS,
    Corpus,
    CorpusError,
    Recording,
    read_asterisk,
    read_corpus,
    read_folder,
    read_prompts,
)
from envs.speech.corpus.asterisk import entries_of, problem_of
from envs.speech.tables import TableError

TRANSCRIPT = """; a comment: with a colon

hello: Hello.
digits/1: one
named-twice: named-twice: Thank you.
beep: un suono beep
tone: [this is a simple beep tone]
silence/1: (1 second of silence).
join: <beep ascending>
eeks: "[eeks]"
at: at [@]
vm-intro: Leave a message. (simple tone sound plays)
full: La conferenza ? piena.
call: La chiamata non pu? essere completata.
which: Which folder? Press 1.
dots: ...
gone: There is no sound of this.
no colon in this line
"""


def make_audio(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(800), 8000)


@pytest.fixture
def asterisk(tmp_path: Path) -> Path:
    keys = [key for key, _ in entries_of(TRANSCRIPT) if key != "gone"]
    make_audio(tmp_path, *(f"{key}.wav" for key in keys), "untold.wav")
    return tmp_path


@pytest.mark.parametrize("compressed", [False, True])
def test_asterisk_prompts_are_read_and_the_rest_is_counted(
    asterisk: Path, compressed: bool
) -> None:
    content = TRANSCRIPT.encode("utf-8-sig")
    if compressed:
        (asterisk / "core-sounds-it.txt.gz").write_bytes(gzip.compress(content))
    else:
        (asterisk / "core-sounds-it.txt").write_bytes(content)
    corpus = read_corpus(str(asterisk), "it")
    assert {r.key: r.text for r in corpus.recordings} == {
        "hello": "Hello.",
        "digits/1": "one",
        "named-twice": "Thank you.",
        "which": "Which folder? Press 1.",
    }
    assert all(r.voice == "it" and r.path.is_file() for r in corpus.recordings)
    assert corpus.left_out == {
        **dict.fromkeys(("beep", "tone", "silence/1", "join", "eeks", "dots"), "no words"),
        **dict.fromkeys(("at", "vm-intro"), "remark"),
        **dict.fromkeys(("full", "call"), "damaged text"),
        "gone": "no audio",
        "untold": "no transcript",
    }
    assert corpus.counts_left_out["no words"] == 6


@settings(deadline=None)
@given(st.text(), st.sets(st.sampled_from(["a", "b/c", "d"])))
def test_nothing_in_a_transcript_is_lost(text: str, keys: set[str]) -> None:
    transcript = text + "".join(f"\n{key}: {key}" for key in sorted(keys))
    found = dict(entries_of(transcript))
    assert keys <= found.keys()
    assert all(problem_of(key, found[key]) is None for key in keys)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\x1f\x8bnonsense", "not a text compressed with gzip"),
        (gzip.compress(b"; nothing", mtime=0)[:-9], "not a text compressed with gzip"),
        (gzip.compress(b"; nothing", mtime=0), "no line `name: text`"),
    ],
)
def test_a_transcript_that_is_none(asterisk: Path, content: bytes, problem: str) -> None:
    transcript = asterisk / "core-sounds-it.txt.gz"
    transcript.write_bytes(content)
    with pytest.raises(CorpusError, match=problem):
        read_asterisk(asterisk, transcript, "it", "it")


def test_a_text_beside_each_audio_file(tmp_path: Path) -> None:
    make_audio(tmp_path, "a.wav", "deep/b.FLAC", "c.ogg", "untold.wav")
    (tmp_path / "a.txt").write_text("First\nline.\n")
    (tmp_path / "deep/b.lab").write_text("second")
    (tmp_path / "c.txt").write_text(" ")
    corpus = read_folder(tmp_path, "de")
    assert [(r.key, r.text, r.voice) for r in corpus.recordings] == [
        ("a", "First line.", "de"),
        ("deep/b", "second", "de"),
    ]
    assert corpus.left_out == {"c": "no words", "untold": "no transcript"}


def test_a_table_of_texts(tmp_path: Path) -> None:
    make_audio(tmp_path, "a.wav", "b.c.wav")
    (tmp_path / "metadata.csv").write_text(
        'voice,file,text\n,a.wav,"One, two."\nfr,b.c,Bonjour.\n,gone.wav,Lost.\n'
    )
    corpus = read_folder(tmp_path, "en-us")
    assert [(r.key, r.text, r.voice) for r in corpus.recordings] == [
        ("a", "One, two.", "en-us"),
        ("b.c", "Bonjour.", "fr"),
    ]
    assert corpus.left_out == {"gone": "no audio"}


@pytest.mark.parametrize("sub", ["", "wavs/"])
def test_lj_speech(tmp_path: Path, sub: str) -> None:
    make_audio(tmp_path, f"{sub}LJ001.wav", f"{sub}LJ002.wav", f"{sub}LJ003.wav")
    (tmp_path / "metadata.csv").write_text(
        "LJ001|In 1450|In fourteen fifty\n\nLJ002|Printing\nLJ003|Type|\n"
    )
    corpus = read_folder(tmp_path, "en-us")
    assert {r.key: r.text for r in corpus.recordings} == {
        "LJ001": "In fourteen fifty",
        "LJ002": "Printing",
        "LJ003": "Type",
    }


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        (b"a|b\nonly one\n", r"metadata.csv, line 2: is not id\|text"),
        (b"a|b|c|d\n", "line 1"),
        (b"name,words\na,b\n", "columns missing: 'file', 'text'"),
        (b"file,text\na.wav\n", "line 2: has 1 values"),
        (b"file,text\n\xff,a\n", "not UTF-8"),
    ],
)
def test_a_table_that_is_none(tmp_path: Path, metadata: bytes, problem: str) -> None:
    make_audio(tmp_path, "a.wav")
    (tmp_path / "metadata.csv").write_bytes(metadata)
    with pytest.raises((CorpusError, TableError), match=problem):
        read_folder(tmp_path, "en-us")


def test_folders_that_are_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such folder"):
        read_corpus(str(tmp_path / "gone"))
    with pytest.raises(CorpusError, match="no audio files"):
        read_corpus(str(tmp_path))
    make_audio(tmp_path, "a.wav")
    with pytest.raises(CorpusError, match=r"none of its 1 audio files has a transcript"):
        read_corpus(str(tmp_path))


def recording(text: str) -> Recording:
    return Recording(Path("a.wav"), text, "en-us", "a")


def test_parts_never_change() -> None:
    parts = {text: recording(text).part for text in ("Thank you.", "Seven", "Спасибо.", "Eleven")}
    assert parts == {
        "Thank you.": "test",
        "Seven": "train",
        "Спасибо.": "train",
        "Eleven": "validation",
    }


def test_parts_have_their_shares() -> None:
    counts = Counter(recording(f"number {k}").part for k in range(4000))
    assert counts["test"] / 4000 == pytest.approx(0.2, abs=0.02)
    assert counts["validation"] / 4000 == pytest.approx(0.1, abs=0.02)


@settings(deadline=None)
@given(st.text(alphabet="abcé ", min_size=1))
def test_the_same_words_are_in_the_same_part(text: str) -> None:
    other = Recording(Path("b.flac"), f" {text.upper()}... ", "fr", "b")
    assert other.part == recording(text).part


def test_parts_of_a_corpus_are_the_whole() -> None:
    recordings = tuple(recording(f"number {k}") for k in range(50))
    corpus = Corpus("numbers", recordings, {})
    parts = [corpus.of(part) for part in ("train", "validation", "test")]
    assert sum(map(len, parts)) == 50
    assert set().union(*parts) == set(recordings)


@pytest.mark.parametrize("language", PROMPTS)
def test_installed_prompts(language: str) -> None:
    if PROMPTS[language].missing:
        pytest.skip(f"not installed: liptwin corpus install --language {language}")
    corpus = read_prompts(language)
    assert len(corpus.recordings) > 450
    assert all(recording.path.is_file() for recording in corpus.recordings)
    assert len(corpus.of("test")) > 80
    assert "tt-monkeys" in corpus.left_out
    assert not {"beep", "beeperr", "silence/1"} & {r.key for r in corpus.recordings}
