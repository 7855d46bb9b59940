"""`liptwin speak` with the learned policy, and `--stream`: live sound in, live rows out."""

# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

import io
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from envs.speech import Audio, AudioError, frame_count, load_audio, write_wav
from envs.speech.streaming import LIVE_BLOCK_S
from liptwin import gl
from liptwin.live_sound import LiveSound
from liptwin.main import main
from sim2real.deployment.stream_rows import RowParser
from sim2real.trajectory import read_trajectory_csv

torch = pytest.importorskip("torch", reason="needs torch: pip install 'liptwin[learn]'")
pytest.importorskip("safetensors", reason="needs safetensors: pip install 'liptwin[learn]'")
pytest.importorskip("librosa", reason="needs librosa: pip install 'liptwin[learn]'")

from liptwin.streaming import run_live
from policies.learned.action_transformer import ActionTransformer
from policies.learned.imagination import Imagination
from policies.learned.speech_encoder import SpeechEncoder
from policies.learned.weights import save_weights

RATE_HZ = 16_000
Samples = NDArray[np.float32]
Integers = NDArray[np.int16]


class Trickle(io.RawIOBase):
    """Bytes that arrive so many at a time."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data = data
        self._sizes = iter(sizes)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        size = min(next(self._sizes, len(buffer)), len(buffer), len(self._data))
        buffer[:size] = self._data[:size]
        self._data = self._data[size:]
        return size


def arriving(data: bytes, sizes: list[int] | None = None) -> io.BufferedReader:
    return io.BufferedReader(Trickle(data, sizes or []))


def heard(data: bytes, sizes: list[int] | None = None, rate_hz: int | None = None) -> Samples:
    blocks = LiveSound(arriving(data, sizes), rate_hz).blocks()
    return np.concatenate([np.zeros(0, np.float32), *blocks])


def integers(n: int, seed: int = 0) -> Integers:
    return np.random.default_rng(seed).integers(-32_768, 32_767, n, np.int16)


def wav(
    samples: Integers,
    rate_hz: int = RATE_HZ,
    channels: int = 1,
    data_bytes: int | None = None,
    sample_format: tuple[int, int] = (1, 16),
) -> bytes:
    """A WAV file as programs write it to a pipe, with what they say about its length."""
    kind, bits = sample_format
    width = channels * bits // 8
    about = struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * width, width, bits)
    size = samples.nbytes if data_bytes is None else data_bytes
    head = b"RIFF" + struct.pack("<I", min(36 + size, 2**32 - 1)) + b"WAVE"
    head += b"fmt " + struct.pack("<I", len(about)) + about
    head += b"LIST" + struct.pack("<I", 4) + b"INFO"
    return head + b"data" + struct.pack("<I", size) + samples.tobytes()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights that nobody trained."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    save_weights(folder / "speech.safetensors", SpeechEncoder())
    save_weights(folder / "imagination.safetensors", Imagination())
    save_weights(folder / "action.safetensors", ActionTransformer())
    return folder


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    """A bit more than half a second of a hum that swells and fades."""
    times_s = np.arange(9_000) / RATE_HZ
    hum = sum(np.sin(2 * np.pi * 120 * k * times_s) / k for k in range(1, 20))
    samples = 0.2 * np.sin(np.pi * times_s / times_s[-1]) ** 2 * hum
    path = tmp_path / "tune.wav"
    write_wav(path, Audio(samples.astype(np.float32), RATE_HZ, "tune"))
    return path


@pytest.fixture(autouse=True)
def graphics(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command sets it for its own process; other tests have this one."""
    monkeypatch.setenv(gl.VARIABLE, os.environ.get(gl.VARIABLE, ""))


def status(*arguments: object) -> int:
    with pytest.raises(SystemExit) as leaving:
        main(list(map(str, arguments)))
    return int(leaving.value.code or 0)


@settings(deadline=None)
@given(
    n=st.integers(1, 2_000),
    sizes=st.lists(st.integers(1, 700), max_size=30),
    has_header=st.booleans(),
)
def test_samples_are_heard_however_they_arrive(n: int, sizes: list[int], has_header: bool) -> None:
    samples = integers(n, seed=n)
    data = wav(samples) if has_header else samples.tobytes()
    found = heard(data, sizes)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, samples / np.float32(32_768))


def test_sound_is_handed_on_in_short_blocks() -> None:
    blocks = list(LiveSound(arriving(integers(5_000).tobytes())).blocks())
    assert max(map(len, blocks)) == round(LIVE_BLOCK_S * RATE_HZ)


def test_what_has_arrived_is_handed_on_before_more_arrives() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb", buffering=0) as sender:
        samples = integers(round(LIVE_BLOCK_S * RATE_HZ))
        sender.write(samples.tobytes())
        blocks = LiveSound(pipe).blocks()
        first = np.concatenate([next(blocks), next(blocks)])  # four bytes were looked at already
        np.testing.assert_array_equal(first, samples / np.float32(32_768))


@pytest.mark.parametrize("data_bytes", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_wav_file_of_unknown_length_lasts_until_the_pipe_ends(data_bytes: int) -> None:
    samples = integers(3_000)
    assert len(heard(wav(samples, data_bytes=data_bytes))) == 3_000


def test_what_follows_the_samples_of_a_wav_file_is_not_heard() -> None:
    assert len(heard(wav(integers(3_000)) + b"LIST\x04\0\0\0oops")) == 3_000


def test_channels_are_mixed() -> None:
    samples = integers(3_000)
    found = heard(wav(samples, channels=2), [37] * 50)
    expected = samples.reshape(-1, 2).mean(axis=1) / 32_768
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 48_000])
@pytest.mark.parametrize("has_header", [False, True])
def test_other_rates_are_brought_to_that_of_speech(rate_hz: int, has_header: bool) -> None:
    samples = (integers(rate_hz) // 2).astype(np.int16)
    data = wav(samples, rate_hz) if has_header else samples.tobytes()
    sound = LiveSound(arriving(data, [999] * 5), None if has_header else rate_hz)
    found = np.concatenate(list(sound.blocks()))
    whole = soxr.resample((samples / np.float32(32_768)).astype(np.float32), rate_hz, RATE_HZ)
    np.testing.assert_allclose(found, np.clip(whole, -1.0, 1.0), atol=1e-5)
    assert 0.0 < sound.delay_s < 0.15


@pytest.mark.parametrize(
    ("data", "rate_hz", "message"),
    [
        (b"", None, "no sound arrived"),
        (integers(9).tobytes() + b"x", None, "ended within a sample of 2"),
        (b"x", None, "ended within a sample"),
        (wav(integers(9), channels=2, data_bytes=0), None, "ended within a sample of 4"),
        (b"RIFF", None, "damaged or of another kind"),
        (b"RIFF\0\0\0\0AVI " + bytes(50), None, "damaged or of another kind"),
        (wav(integers(8), sample_format=(3, 32)), None, "damaged or of another kind"),
        (wav(integers(8), sample_format=(1, 24)), None, "24-bit samples"),
        (wav(integers(8), rate_hz=100), None, "100 samples a second: give 8000 to 192000"),
        (wav(integers(8), rate_hz=44_100), 16_000, "at 44100 Hz; leave out --rate 16000"),
        (integers(8).tobytes(), 100, "100 samples a second"),
    ],
)
def test_what_is_no_sound_is_named(data: bytes, rate_hz: int | None, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        heard(data, rate_hz=rate_hz)


@settings(deadline=None, max_examples=200)
@given(data=st.binary(max_size=120), in_riff=st.booleans())
def test_any_bytes_are_sound_or_an_error(data: bytes, in_riff: bool) -> None:
    try:
        found = heard((b"RIFF\xff\0\0\0WAVEfmt \x10\0\0\0" if in_riff else b"") + data)
    except AudioError:
        return
    assert np.abs(found).max(initial=0.0) <= 1.0


def test_a_stream_with_all_patience_is_the_trajectory(
    tune: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = tune.with_suffix(".csv")
    assert status("speak", tune, "--trajectory", commands, "--weights", weights) == 0
    assert "learned: hears 243 ms ahead; compute per frame: " in capsys.readouterr().out
    wanted = read_trajectory_csv(commands)
    rows = io.StringIO()
    run_live(arriving(tune.read_bytes(), [1_001] * 9), rows, None, weights, patience=3)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("liptwin: listening ...")
    assert "spoke 17 frames; look-ahead 243 ms, blocks of at most 5 ms" in told.err
    assert "compute per frame: " in told.err and "99 % under" in told.err
    saved = tune.with_name("saved.csv")
    saved.write_text(rows.getvalue())
    found = read_trajectory_csv(saved)
    np.testing.assert_allclose(found.times_s, wanted.times_s, atol=1e-6)
    np.testing.assert_allclose(found.commands, wanted.commands, atol=1e-4)
    assert found.metadata.fps == 30.0
    # What `liptwin deploy --stream` makes of it.
    parser = RowParser("the stream")
    played = [*parser.feed(rows.getvalue().encode()), *parser.finish()]
    assert len(played) == frame_count(load_audio(tune).duration_s, 30.0)


def test_rows_come_while_sound_comes_and_an_interrupt_ends_it(weights: Path) -> None:
    command = [sys.executable, "-m", "liptwin", "speak", "--stream", "--weights", str(weights)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as live:
        assert live.stdin is not None and live.stdout is not None
        try:
            # Half a second of sound, and no end of it.
            live.stdin.write((integers(RATE_HZ // 2) // 8).astype(np.int16).tobytes())
            live.stdin.flush()
            lines = [live.stdout.readline() for _ in range(4 + 10)]
            live.send_signal(signal.SIGINT)
            _, said = live.communicate(timeout=60)
        finally:
            live.kill()
    assert lines[3].startswith(b"time_s,jaw_open,")
    assert lines[-1].startswith(b"0.300000,")
    assert live.returncode == 130
    assert b"Traceback" not in said
    assert b"look-ahead 143 ms" in said


def test_when_nobody_reads_any_more_it_leaves(
    tune: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as rows:
        run_live(arriving(tune.read_bytes()), rows, None, weights)
        rows.write("what Python would flush as it leaves")
    assert capsys.readouterr().err == "liptwin: listening ...\n"


def test_bad_input_is_named(
    tune: Path, weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    video = tune.with_suffix(".mp4")
    refusals: dict[str, list[str | Path]] = {
        "leave out AUDIO, -o": ["speak", "--stream", tune, "-o", video],
        "leave out --text": ["speak", "--stream", "--text", "hi"],
        "leave out --policy, --fps": [
            "speak", "--stream", "--policy", "amplitude", "--fps", "50",
        ],
        "--rate goes with --stream": ["speak", tune, "-o", video, "--rate", "8000"],
        "--weights goes with --policy learned; amplitude has none": [
            "speak", tune, "-o", video, "--policy", "amplitude", "--weights", weights,
        ],
        "there is no such folder": ["speak", tune, "-o", video, "--weights", weights / "none"],
        "speech.safetensors: holds no weights": [
            "speak", tune, "-o", video, "--weights", tune.parent,
        ],
        "--policy 'magic' does not exist; there is learned, amplitude": [
            "speak", tune, "-o", video, "--policy", "magic",
        ],
    }  # fmt: skip
    for message, arguments in refusals.items():
        assert status(*arguments) == 2
        said = capsys.readouterr()
        assert message in said.err
        assert said.out == ""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert status("speak", "--stream") == 2
    assert "pipe it in" in capsys.readouterr().err
    assert [path.name for path in tune.parent.iterdir()] == ["tune.wav"]
