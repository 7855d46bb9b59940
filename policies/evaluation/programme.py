"""What an evaluation consists of: its sections, how much of each, and what is found in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from envs.progress import Progress, untracked
from envs.speech import SynthesisError
from envs.speech.alignment import AlignmentError
from envs.speech.corpus import CorpusError
from policies.evaluation import materials
from policies.evaluation.findings import (
    Amount,
    Findings,
    Summaries,
    by_language,
    capture_scores,
    controls_of,
    summarise,
    target_variances,
)
from policies.evaluation.materials import ENGLISH, ENGLISH_PROMPTS, Material
from policies.evaluation.run import Performed, Section, performed
from policies.evaluation.singing import SingingError
from policies.evaluation.streaming import stream_cost
from policies.evaluation.systems import AUDIO_ONLY, LIVE, METHOD, SYSTEMS, WeightsFolder
from policies.training.speech.english import HELD_OUT_VOICES

SENTENCES: Final = "sentences"
LANGUAGES: Final = "languages"
RECORDED: Final = "recorded"
VOICES: Final = "voices"
SONGS: Final = "songs"
CAPTURES: Final = "captures"

_SEE_EVERY: Final = 3
"""Of so many frames of a language one is seen: enough for a mean, and a third of the work."""

_BASELINES_AND_VOICE: Final = tuple(name for name in SYSTEMS if name != METHOD)


@dataclass(frozen=True)
class Extent:
    """How much is evaluated.

    Attributes:
        sentences: English sentences of the paper's table.
        text_sentences: sentences of each synthesised language; None for the whole text.
        prompts: recordings of each language.
        voice_sentences: sentences of the held-out voice.
        capture_s: of each capture; None for all of it.
    """

    sentences: int = 20
    text_sentences: int | None = None
    prompts: int = 40
    voice_sentences: int = 10
    capture_s: float | None = None


FULL: Final = Extent()
QUICK: Final = Extent(sentences=3, text_sentences=1, prompts=5, voice_sentences=2, capture_s=10.0)


@dataclass(frozen=True, eq=False)
class Programme:
    """What is to be performed.

    Attributes:
        sections: by name.
        left_out: what is not evaluated, and why.
    """

    sections: Mapping[str, Section]
    left_out: tuple[str, ...]


def plan(
    extent: Extent,
    synthesised: Sequence[str] = (ENGLISH, *materials.UNSEEN_LANGUAGES),
    recorded: Sequence[str] = materials.RECORDED_LANGUAGES,
    captures: Path | None = None,
    progress: Progress = untracked,
) -> Programme:
    """Collect what is to be spoken. What is not installed is left out, and said.

    Args:
        extent: how much.
        synthesised: espeak-ng voices of `materials.UNSEEN_LANGUAGES` and `materials.ENGLISH`.
        recorded: languages of `materials.RECORDED_LANGUAGES`.
        captures: folder of captured humans.
        progress: told how it goes.

    Raises:
        SynthesisError: espeak-ng is not installed.
        materials.MaterialError: the folder holds no captures.
        envs.speech.TableError: a capture is damaged.
        envs.speech.AudioError: a sound cannot be read.
    """
    left_out: list[str] = []

    def optional(what: str, load: Callable[[], Iterator[Material]]) -> tuple[Material, ...]:
        try:
            return tuple(load())
        except (AlignmentError, CorpusError, SingingError, SynthesisError) as error:
            left_out.append(f"{what}: {error}")
            return ()

    prompts = {
        language: optional(
            f"recordings, {language}",
            partial(materials.recorded, language, extent.prompts, progress),
        )
        for language in recorded
    }
    plain = prompts.get(ENGLISH_PROMPTS, ())
    sections = [
        Section(SENTENCES, tuple(materials.sentences(extent.sentences, progress)), SYSTEMS, 1),
        Section(
            LANGUAGES,
            tuple(materials.languages(synthesised, extent.text_sentences)),
            SYSTEMS,
            _SEE_EVERY,
        ),
        Section(
            RECORDED, tuple(one for some in prompts.values() for one in some), (*SYSTEMS, LIVE)
        ),
        Section(
            VOICES,
            tuple(
                one
                for voice in HELD_OUT_VOICES
                for one in optional(
                    f"voice {voice}",
                    partial(materials.voice, voice, extent.voice_sentences, progress),
                )
            ),
            _BASELINES_AND_VOICE,
        ),
        Section(
            SONGS,
            optional("songs", partial(materials.songs, plain, progress)),
            _BASELINES_AND_VOICE,
        ),
    ]
    if captures is None:
        left_out.append("captured humans: no --captures folder was given")
    else:
        takes = tuple(materials.captures(captures, extent.capture_s))
        sections.append(Section(CAPTURES, takes, SYSTEMS))
    return Programme({one.name: one for one in sections if one.materials}, tuple(left_out))


def find(out: Path, programme: Programme, weights: WeightsFolder) -> Findings:
    """All figures of a programme that was performed.

    Raises:
        policies.evaluation.run.EvaluationError: it was not.
    """

    def pieces(name: str) -> list[Performed]:
        section = programme.sections.get(name)
        return list(performed(out, section, weights)) if section is not None else []

    said = pieces(SENTENCES)
    takes = by_language(pieces(CAPTURES))
    recorded = by_language(pieces(RECORDED))
    return Findings(
        sentences=summarise(said),
        controls={name: controls_of(said, name) for name in (METHOD, AUDIO_ONLY)},
        variances=target_variances(said),
        languages=_each(by_language(pieces(LANGUAGES))),
        recorded=_each(recorded),
        unseen=summarise(
            [one for name, some in recorded.items() if name != ENGLISH_PROMPTS for one in some]
        ),
        voices=_each(by_language(pieces(VOICES))),
        songs=summarise(pieces(SONGS)),
        captures={take: capture_scores(some[0]) for take, some in takes.items()},
        capture_summaries=_each(takes),
        streaming=stream_cost(weights.folder, [piece.material.speech.audio for piece in said]),
        left_out=programme.left_out,
        amounts={name: _amount(section) for name, section in programme.sections.items()},
        weights=weights.hashes(),
        tried=weights.tried(),
    )


def _amount(section: Section) -> Amount:
    seconds = sum(material.speech.audio.duration_s for material in section.materials)
    return Amount(len(section.materials), seconds)


def _each(groups: Mapping[str, Sequence[Performed]]) -> dict[str, Summaries]:
    return {name: summarise(some) for name, some in groups.items()}
