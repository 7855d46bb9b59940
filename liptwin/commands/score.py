"""`liptwin score`: how good the lips were, against phones or a captured human."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liptwin import gl
from liptwin.errors import CommandError
from liptwin.files import check_can_write, replacing

if TYPE_CHECKING:
    from envs.speech.scoring import CaptureScore, Count, LipScore, PhoneScore
    from envs.speech.synchrony import Synchrony

Line = tuple[str, str, str]


def score(
    measurements: Annotated[
        Path,
        typer.Argument(
            metavar="MEASUREMENTS", help="What the lips did: a file of `speak --measurements`."
        ),
    ],
    phones: Annotated[
        Path | None,
        typer.Option(help="What was said, .csv: start_s, end_s, ipa (`speak --write-phones`)."),
    ] = None,
    capture: Annotated[
        Path | None,
        typer.Option(help="A human who said the same: ARKit or Live Link Face, .csv."),
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(help="The sound, for the lag behind its loudness.")
    ] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write the figures here too, .json.")
    ] = None,
) -> None:
    """Score lips by what viewers notice: closures, rounding, opening, lag.

    Against phones: lips closed at p b m and nowhere else, lower lip on teeth at f v, rounding at
    w, oo and sh, opening by vowel. Against a capture: correlation with the human's jaw and
    rounding. A lag is positive when the lips are late; ITU-R BT.1359 says whether that is noticed.

    Examples:

      liptwin speak --text "Bob moves the blue shelf." --measurements a.csv --write-phones b.csv

      liptwin score a.csv --phones b.csv

      liptwin score lips.csv --capture human.csv --audio human.wav --json score.json
    """
    if phones is None and capture is None:
        raise CommandError("say what to score against: --phones PHONES.csv or --capture HUMAN.csv")
    if as_json is not None:
        check_can_write(as_json, ".json")
    gl.prepare(rendering=False)
    found = _score(measurements, phones, capture, audio)
    _show(found)
    if as_json is not None:
        with replacing(as_json) as partial:
            partial.write_text(json.dumps(_for_json(found), indent=2) + "\n", encoding="utf-8")
        typer.echo(f"wrote {as_json}")


def _score(
    measurements: Path, phones: Path | None, capture: Path | None, audio: Path | None
) -> LipScore:
    from envs.speech.audio import AudioError, load_audio
    from envs.speech.captures import read_capture_csv
    from envs.speech.inventory import InventoryError
    from envs.speech.measured import read_measurements_csv
    from envs.speech.scoring import score as score_lips
    from envs.speech.tables import TableError
    from envs.speech.timeline import read_phones_csv

    try:
        return score_lips(
            read_measurements_csv(measurements),
            phones=read_phones_csv(phones) if phones is not None else None,
            capture=read_capture_csv(capture) if capture is not None else None,
            audio=load_audio(audio) if audio is not None else None,
        )
    except InventoryError as error:
        raise CommandError(f"{phones}: {error}") from error
    except (AudioError, TableError) as error:
        raise CommandError(str(error)) from error


def _show(found: LipScore) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("what")
    table.add_column("score", justify="right")
    table.add_column("meaning", style="dim")
    for line in _lines(found):
        table.add_row(*line)
    Console(highlight=False).print(table)


def _lines(found: LipScore) -> list[Line]:
    lines: list[Line] = []
    if found.phones is not None:
        lines += _phone_lines(found.phones)
    if found.capture is not None:
        lines += _capture_lines(found.capture)
    if found.loudness is not None:
        lines += _lag_lines("opening and loudness", found.loudness)
    jerk = "-" if found.jerk_m_s3 is None else f"{found.jerk_m_s3:.1f} m/s3"
    return [*lines, ("jerk of the opening", jerk, "less is smoother, at one frame rate")]


def _phone_lines(found: PhoneScore) -> list[Line]:
    return [
        ("closed at p b m", _share(found.closures), _of(found.closures)),
        ("closed inside vowels", _share(found.false_in_vowels), _of(found.false_in_vowels)),
        (
            "closed at other consonants",
            _share(found.false_near_consonants),
            _of(found.false_near_consonants),
        ),
        ("lip on teeth at f v", _share(found.labiodentals), _of(found.labiodentals)),
        ("rounded above spread", _figure(found.rounding_auc), "AUC; 0.5 is chance"),
        ("opening of vowels", _figure(found.openness_rank), "rank correlation"),
        *_lag_lines("opening and phones", found.timing),
    ]


def _capture_lines(found: CaptureScore) -> list[Line]:
    return [
        *_lag_lines("opening and jawOpen", found.openness),
        *_lag_lines("rounding and pucker", found.rounding),
    ]


def _lag_lines(name: str, found: Synchrony | None) -> list[Line]:
    if found is None:
        return [(name, "-", "too short, or one of them never changes")]
    lines = [
        (name, _figure(found.r), "correlation as they are"),
        ("  at the best lag", _figure(found.best_r), "correlation"),
    ]
    if found.lag_ms is None:
        return [*lines, ("  lag", "-", "none stands out")]
    late = "late" if found.lag_ms > 0 else "early" if found.lag_ms < 0 else "in time"
    lag = f"{found.lag_ms:+.0f} ms"
    return [*lines, ("  lag", lag, f"lips {late}: {found.verdict} (BT.1359)")]


def _share(count: Count) -> str:
    return "-" if count.share is None else f"{count.share:.1%}"


def _of(count: Count) -> str:
    return f"{count.hits} of {count.total}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _for_json(found: LipScore) -> dict[str, object]:
    """The figures as nested dictionaries, with the verdicts."""
    figures = asdict(found)
    if found.phones is not None:
        figures["phones"]["timing"] = _with_verdict(found.phones.timing)
    if found.capture is not None:
        figures["capture"]["openness"] = _with_verdict(found.capture.openness)
        figures["capture"]["rounding"] = _with_verdict(found.capture.rounding)
    figures["loudness"] = _with_verdict(found.loudness)
    return figures


def _with_verdict(found: Synchrony | None) -> dict[str, object] | None:
    return None if found is None else {**asdict(found), "verdict": found.verdict}
