"""The tables of an evaluation, and the page that says first what was reached and what was not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from envs.speech.scoring import CaptureScore
from envs.speech.synchrony import Synchrony
from policies.evaluation.bars import Bar, bars, ratio
from policies.evaluation.distances import Spread
from policies.evaluation.findings import SHIFTS, Findings, Summaries, Summary
from policies.evaluation.materials import ENGLISH, ENGLISH_PROMPTS
from policies.evaluation.systems import AMPLITUDE, AUDIO_ONLY, LIVE, METHOD, NEAREST
from policies.evaluation.tables import Cell, Table
from policies.learned.lip_vae import LATENT_SIZE
from policies.learned.patience import MOST
from policies.learned.speaker import look_ahead_s

Row = dict[str, Cell]

_LATENT: Final = (
    "Squared distance of the lip VAE's latents (means), averaged over its sixteen dimensions, of "
    "the achieved crop from the target's; mean, deviation, least and most over the frames."
)
_CONTROLS: Final = (
    "*n frames shifted* sets what the system achieved against the target, n frames late and n "
    "early (both counted); *against itself* sets it against its own trajectory shifted so; "
    "*random* sets frames drawn from all that it achieved against the target. "
    "*Times the system's* divides by the first row; *of the variance* by the variance of the "
    "targets' latents, which shows whether a latent has collapsed."
)


def tables(findings: Findings) -> list[Table]:
    """All tables."""
    found = [
        _paper(
            findings,
            METHOD,
            "paper",
            "The paper's table: the method is given the target's latents",
        ),
        _paper(
            findings,
            AUDIO_ONLY,
            "audio_only",
            "The same from sound alone: the speech encoder supplies the latents",
        ),
        _dimensions(findings),
        _languages(findings),
        _events(findings),
    ]
    if findings.captures:
        found.append(_captures(findings))
    if findings.songs:
        found.append(_songs(findings))
    if findings.streaming is not None:
        found.append(_streaming(findings))
    found.append(_bars(bars(findings)))
    return found


def readme(findings: Findings, command: str, pictures: tuple[str, ...]) -> str:
    """The page: bars first, then what is where.

    Args:
        findings: what was found.
        command: what was run.
        pictures: names of the plots and videos beside the tables.
    """
    judged = bars(findings)
    missed = [bar for bar in judged if bar.is_reached is False]
    reached = [bar for bar in judged if bar.is_reached]
    unknown = [bar for bar in judged if bar.is_reached is None]
    lines = [f"**{len(reached)} of {len(judged)} bars are reached.**", ""]
    for title, some in (("Not reached", missed), ("Without a figure", unknown)):
        if some:
            lines += [f"{title}:", "", *(f"- {bar.sentence}" for bar in some), ""]
    if missed and findings.tried is not None:
        lines += ["What was tried:", "", findings.tried, ""]
    if findings.left_out:
        lines += ["Not evaluated:", "", *(f"- {what}" for what in findings.left_out), ""]
    if reached:
        lines += ["Reached:", "", *(f"- {bar.sentence}" for bar in reached), ""]
    lines += ["# Evaluation of LipTwin's policies", "", "Made by:", "", f"    {command}", ""]
    lines += ["| table | what |", "|---|---|"]
    lines += [
        f"| [{t.name}.md]({t.name}.md), [.json]({t.name}.json) | {t.title} |"
        for t in tables(findings)
    ]
    lines += [f"| [{name}]({name}) | {_picture(name)} |" for name in pictures]
    lines += ["", *_SETTINGS, "", "| spoken | utterances | seconds |", "|---|---|---|"]
    lines += [
        f"| {name} | {amount.utterances} | {amount.seconds:.0f} |"
        for name, amount in findings.amounts.items()
    ]
    lines += ["", "| weights | SHA-256 |", "|---|---|"]
    lines += [f"| {name} | `{digest}` |" for name, digest in findings.weights.items()]
    return "\n".join(lines) + "\n"


_SETTINGS: Final = (
    f"- **{METHOD}**: the action transformer is given the latents of the rendered target, as in "
    "the paper.",
    f"- **{AUDIO_ONLY}**: it hears the sound and nothing else, as `liptwin speak` does a file: "
    f"{1e3 * look_ahead_s(MOST):.0f} ms of it after the moment that a command is for.",
    f"- **{LIVE}**: the same as `liptwin speak --stream` does it, {1e3 * look_ahead_s(0):.0f} ms.",
    f"- **{NEAREST}**: the babbled pose whose landmarks are nearest to the target's.",
    f"- **{AMPLITUDE}**: opens by loudness.",
    "",
    "The target is what the model of articulation wants for the phones, or the captured human, on "
    "the target face. Frame k is the face at k/30 s, before command k acts; servos included.",
)


def _picture(name: str) -> str:
    return "target and systems side by side" if name.endswith(".mp4") else "mean and deviation"


def _paper(findings: Findings, system: str, name: str, title: str) -> Table:
    own = findings.sentences[system]
    base = own.latent.mean if own.latent is not None else None
    variance = float(findings.variances.mean())
    rows = [
        _distance_row(what, one.latent, one.landmarks_mm, base, variance)
        for what, one in findings.sentences.items()
        if what in (system, NEAREST, AMPLITUDE)
    ]
    controls = findings.controls[system]
    for shift in SHIFTS:
        frames = "1 frame" if shift == 1 else f"{shift} frames"
        for found, against in ((controls.shifted, ""), (controls.itself, ", against itself")):
            rows.append(
                _distance_row(f"{frames} shifted{against}", found[shift], None, base, variance)
            )
    rows.append(_distance_row("random frames", controls.random, None, base, variance))
    return Table(name, title, f"English sentences, every frame. {_LATENT} {_CONTROLS}", tuple(rows))


def _distance_row(
    what: str, latent: Spread | None, mm: Spread | None, base: float | None, variance: float
) -> Row:
    return {
        "lips": what,
        **_four("latent", latent),
        "times the system's": ratio(latent.mean if latent else None, base),
        "of the variance": ratio(latent.mean if latent else None, variance),
        **_four("landmarks, mm", mm),
        "frames": latent.frames if latent else None,
    }


def _four(name: str, found: Spread | None) -> Row:
    return {
        f"{name}: mean": found.mean if found else None,
        f"{name}: std": found.std if found else None,
        f"{name}: min": found.least if found else None,
        f"{name}: max": found.most if found else None,
    }


def _dimensions(findings: Findings) -> Table:
    rows: list[Row] = []
    for k in range(LATENT_SIZE):
        row: Row = {"dimension": k, "variance of the target": float(findings.variances[k])}
        for name, one in findings.sentences.items():
            row[name] = float(one.dimensions[k]) if one.dimensions is not None else None
        rows.append(row)
    return Table(
        "dimensions",
        "The sixteen latents one by one",
        "English sentences: variance of the target's latents over all frames, and mean squared "
        "distance from them.",
        tuple(rows),
    )


def _languages(findings: Findings) -> Table:
    rows: list[Row] = []
    for kind, groups, english in _groups(findings):
        for language, summaries in groups.items():
            for system, one in summaries.items():
                own = groups.get(english, {}).get(system)
                rows.append(
                    {
                        "speech": kind,
                        "language": language,
                        "lips": system,
                        "latent, sum of 16": _summed(one.latent),
                        "landmarks, mm": one.landmarks_mm,
                        "over English, mm": ratio(
                            one.mean_mm, own.mean_mm if own is not None else None
                        ),
                    }
                )
    return Table(
        "languages",
        "Distances by language",
        "Mean ± deviation over the frames. The latent distance is summed over the sixteen "
        "dimensions, as published per language (0.17 to 0.24 there; latents differ between "
        "trainings, so only ratios compare). Nothing but English was trained on.",
        tuple(rows),
    )


def _groups(findings: Findings) -> Iterator[tuple[str, Mapping[str, Summaries], str]]:
    yield "synthesised", findings.languages, ENGLISH
    yield "recorded", findings.recorded, ENGLISH_PROMPTS
    yield "held-out voice", findings.voices, ""
    yield "captured", findings.capture_summaries, ""


def _summed(found: Spread | None) -> Spread | None:
    if found is None:
        return None
    mean, std, least, most = (
        LATENT_SIZE * value for value in (found.mean, found.std, found.least, found.most)
    )
    return Spread(mean, std, least, most, found.frames)


def _events(findings: Findings) -> Table:
    rows: list[Row] = []
    spoken: list[tuple[str, str, Summaries]] = [
        ("synthesised sentences", ENGLISH, findings.sentences)
    ]
    for kind, groups, _ in _groups(findings):
        spoken += [(kind, language, found) for language, found in groups.items()]
    spoken += [("recorded", "unseen together", findings.unseen)]
    spoken += [("sung, with music", ENGLISH_PROMPTS, findings.songs)]
    for kind, language, summaries in spoken:
        for system, one in summaries.items():
            rows.append({"speech": kind, "language": language, "lips": system, **_scores(one)})
    return Table(
        "events",
        "What viewers notice: closures, teeth, rounding, lag",
        "Counted by `envs.speech.scoring` over all utterances: p b m closed within 30 ms, closed "
        "inside vowels and near other consonants (which is wrong), lip on teeth at f v, rounding "
        "(AUC), opening of vowels (rank). Lags are those of the openings of utterances of 2 s and "
        "more behind the wanted ones; jerk is that of the opening.",
        tuple(rows),
    )


def _scores(one: Summary) -> Row:
    phones, lags = one.phones, one.lags
    return {
        "p b m closed": phones.closures if phones else None,
        "in vowels": phones.false_in_vowels if phones else None,
        "near other consonants": phones.false_near_consonants if phones else None,
        "f v": phones.labiodentals if phones else None,
        "rounding AUC": phones.rounding_auc if phones else None,
        "vowel rank": phones.openness_rank if phones else None,
        "lag, ms: median": lags.median if lags else None,
        "earliest": lags.least if lags else None,
        "latest": lags.most if lags else None,
        "jerk, m/s3": one.jerk_m_s3,
    }


def _captures(findings: Findings) -> Table:
    rows: list[Row] = [
        {"take": take, "lips": name, **_follows(score)}
        for take, scores in findings.captures.items()
        for name, score in scores.items()
    ]
    return Table(
        "captures",
        "Captured humans",
        "Correlation (r, without any shift) of opening with the human's jawOpen, of protrusion "
        "minus width with the larger of mouthPucker and mouthFunnel, and the lag where it is "
        "greatest. *loudness* is no mouth but the curve that the amplitude baseline follows. "
        "Method and nearest are given the captured lips themselves.",
        tuple(rows),
    )


def _follows(score: CaptureScore) -> Row:
    row: Row = {}
    for name, found in (("opening", score.openness), ("rounding", score.rounding)):
        row |= _synchrony(name, found)
    return row


def _synchrony(name: str, found: Synchrony | None) -> Row:
    return {
        f"{name} r": found.r if found else None,
        f"{name} lag, ms": found.lag_ms if found else None,
    }


def _songs(findings: Findings) -> Table:
    rows: list[Row] = []
    for kind, summaries in (
        ("spoken", findings.recorded.get(ENGLISH_PROMPTS, {})),
        ("sung, with music", findings.songs),
    ):
        rows += [
            {"voice": kind, "lips": system, **_scores(one)} for system, one in summaries.items()
        ]
    return Table(
        "singing",
        "The English recordings, spoken and sung",
        "The same recordings with vowels held and put on notes, and a band 5 dB below the voice.",
        tuple(rows),
    )


def _streaming(findings: Findings) -> Table:
    cost = findings.streaming
    assert cost is not None
    row: Row = {
        "look-ahead, ms": cost.look_ahead_ms,
        "block, ms": cost.block_ms,
        "compute per frame, ms: mean": cost.mean_ms,
        "99th percentile": cost.p99_ms,
        "frames": cost.frames,
    }
    return Table(
        "streaming",
        "Speaking live",
        "Audio only, in short blocks, processor time on one core.",
        (row,),
    )


def _bars(judged: list[Bar]) -> Table:
    rows: list[Row] = [
        {
            "bar": bar.what,
            "found": bar.found,
            "at least": bar.least,
            "at most": bar.most,
            "unit": bar.unit.strip(),
            "reached": {True: "yes", False: "no", None: "no figure"}[bar.is_reached],
        }
        for bar in judged
    ]
    return Table("bars", "The bars", "What the project asked of itself.", tuple(rows))
