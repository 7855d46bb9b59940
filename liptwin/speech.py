"""The speech that a command is about: a recording or a text, its phones, a captured face."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liptwin.errors import CommandError

if TYPE_CHECKING:
    from envs.speech.audio import Sound
    from envs.speech.lips import LipCurves
    from policies import Speech

RecordingArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[AUDIO]", help="Any audio file, or a video's sound track."),
]
TextOption = Annotated[str | None, typer.Option(help="Say this instead of an audio file.")]
VoiceOption = Annotated[
    str,
    typer.Option(
        help="Voice for --text: a language such as en-us, fr, de, cmn, or a natural voice such "
        "as piper:joe; liptwin voices lists them."
    ),
]
PhonesOption = Annotated[
    Path | None,
    typer.Option(help="Phones of the audio file, .csv: start_s, end_s, ipa. A --text knows its."),
]
CaptureOption = Annotated[
    Path | None,
    typer.Option(help="Captured face of the audio file, .csv of ARKit blend shapes."),
]


def load_speech(
    recording: Path | None,
    text: str | None,
    voice: str,
    phones: Path | None = None,
    capture: Path | None = None,
) -> Speech:
    """The speech that was asked for; warnings about its files go to stderr.

    Raises:
        CommandError: not exactly one of recording and text, phones or a capture for a text, or
            something cannot be read or spoken.
    """
    if (recording is None) == (text is None):
        raise CommandError("say what to speak: an audio file, or --text with a sentence, not both")
    if recording is None:
        if phones is not None or capture is not None:
            raise CommandError(
                "--phones and --capture go with an audio file; a --text knows its own phones"
            )
        return _spoken(text or "", voice)

    from envs.speech.tables import TableError
    from envs.speech.timeline import read_phones_csv
    from policies import Speech

    audio = _load_recording(recording)
    try:
        return Speech(
            audio,
            read_phones_csv(phones) if phones is not None else None,
            _captured(capture) if capture is not None else None,
        )
    except TableError as error:
        raise CommandError(str(error)) from error


def save_phones(path: Path, speech: Speech) -> None:
    """Write the phones of a speech.

    Raises:
        CommandError: they are not known, or the file cannot be written.
    """
    from envs.speech.tables import TableError
    from envs.speech.timeline import write_phones_csv

    if speech.phones is None:
        raise CommandError("--write-phones goes with --text; the phones of a file are not known")
    try:
        write_phones_csv(path, speech.phones)
    except TableError as error:
        raise CommandError(str(error), exit_status=1) from error
    typer.echo(f"wrote {path}: {len(speech.phones)} phones")


def _captured(path: Path) -> LipCurves:
    from envs.speech.captures import read_capture_csv

    capture = read_capture_csv(path)
    if capture.lost_frames:
        _warn(f"{path}: the face was lost in {capture.lost_frames} frames; lips glide over them")
    return capture.lips()


def _load_recording(path: Path) -> Sound:
    from envs.speech.audio import AudioError
    from envs.speech.recording import open_recording

    try:
        recording = open_recording(path)
    except AudioError as error:
        raise CommandError(str(error)) from error
    for warning in recording.warnings:
        _warn(warning)
    return recording


def _warn(warning: str) -> None:
    typer.echo(f"liptwin: warning: {warning}", err=True)


def _spoken(text: str, voice: str) -> Speech:
    from envs.speech import SynthesisError, synthesise
    from policies import Speech

    try:
        utterance = synthesise(text, voice=voice)
    except SynthesisError as error:
        raise CommandError(str(error)) from error
    return Speech(utterance.audio, utterance.phones)
