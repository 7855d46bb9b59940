"""`LipTwin/Speak-v0`: make the lips that an utterance wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from envs.tasks.face_env import Commands, FaceEnv
from envs.tasks.moment import Moment
from envs.tasks.observations import (
    SPEAK_OBSERVATIONS,
    FaceObserver,
    Observation,
    check_names,
)
from envs.tasks.randomisation import Randomisation, VariedFace
from envs.tasks.reference import (
    LipEncoder,
    Reference,
    ReferenceMaker,
    SpeechFeatures,
    log_mel_and_loudness,
)
from envs.tasks.rewards import RewardWeights, landmark_error_mm, speak_terms, total
from envs.tasks.utterances import SyntheticTexts, UtteranceSource
from sim import ServoTable
from sim.model import Skin

FPS: Final = 30.0
DEFAULT_OBSERVATIONS: Final = ("wanted_lips", "proprioception", "previous_commands")
LOOK_AHEAD: Final = 5
"""Coming frames that may be known: 167 ms at 30 per second, twice the lag of the servos."""


class SpeakEnv(FaceEnv):
    """
    ## Description

    A robot face with ten servos under a soft skin is to make the lips of a human who says an
    utterance. One utterance is one episode; one step holds ten commands for one frame (1/30 s).
    The servos lag, so a good policy sends commands before they are due.

    ## Action space

    `Box(0, 1, (10,), float32)`: commands, one per servo.

    | Num | Action | 0 | 1 |
    |---|---|---|---|
    | 0 | `jaw_open` | closed | 17 degrees open |
    | 1 | `jaw_forward` | 3 mm back | 4 mm forward |
    | 2 | `upper_lip_raise` | 6 mm down | 7 mm up |
    | 3 | `upper_lip_curl` | 29 degrees inward | 34 degrees outward |
    | 4 | `lower_lip_depress` | 6 mm up | 10 mm down |
    | 5 | `lower_lip_curl` | 34 degrees inward | 34 degrees outward |
    | 6 | `corner_left_raise` | 7 mm down | 8 mm up |
    | 7 | `corner_left_stretch` | 11 mm in | 10 mm out |
    | 8 | `corner_right_raise` | 7 mm down | 8 mm up |
    | 9 | `corner_right_stretch` | 11 mm in | 10 mm out |

    ## Observation space

    A `Dict` of those of these that `observations` names. L is `look_ahead`; coming frames are the
    L frames after the present one, of which the first is the one that the next action leads to.
    Numbers are `float32`, within 10 of 0 and mostly within 1.

    | Key | Size | What | One is |
    |---|---|---|---|
    | `speech` | L x features | features of the sound at the coming frames; by default 40 log-mel bands (a factor of ten in amplitude from the voice's level) and loudness | as given |
    | `wanted_lips` | L x 6 | wanted aperture, width, protrusion, jaw, lip to teeth, closure | 20 mm, 12 mm from 50 mm, 6 mm, 12 degrees, contact, contact |
    | `wanted_landmarks` | L x 120 | wanted landmarks, from rest | 10 mm |
    | `wanted_latent` | L x latent | `encoder` of the wanted lip image | as given |
    | `landmarks` | 120 | landmarks as they are, from rest | 10 mm |
    | `proprioception` | 30 | joint positions, joint velocities, winding currents | end of the range, no-load speed, stall current |
    | `previous_commands` | 20 | the last two actions, newest last | command 1 |
    | `lip_image` | 128 x 128 x 3 | picture of the lips, `uint8` | 1/255 of white |

    The default is `wanted_lips`, `proprioception` and `previous_commands`.

    ## Rewards

    The sum of the terms in `info["reward_terms"]`, each times its weight in `RewardWeights`.

    | Term | What | Weight |
    |---|---|---|
    | `shape` | minus the mean distance of the 40 landmarks from the wanted ones, mm | 1 |
    | `closure` | 1 where a p, b or m wants closed lips and they touch | 1 |
    | `false_closure` | -1 where lips are wanted 3 mm apart or more and they touch | 1 |
    | `labiodental` | 1 where an f or v wants the lower lip on the teeth and it is | 0.5 |
    | `smoothness` | minus the root mean square third difference of the commands | 0.5 |
    | `effort` | minus the mean square torque, as share of the stall torque | 0.5 |

    ## Starting state

    The face at rest with closed lips and cold servos, and an utterance drawn from `utterances`.
    With `randomisation` the face is another one each time.

    ## Episode end

    It terminates with the utterance: `envs.speech.frame_count(duration, fps)` steps. It is never
    truncated.

    ## Info

    `reset` gives `utterance` (its name) and `n_steps`; `step` gives `reward_terms`,
    `landmark_error_mm`, `lips_touching` and `lower_lip_on_teeth`; the last step gives also
    `closures`: how many p, b, m were `wanted` and `reached`, and in how many frames the closure was
    `false`.

    ## Arguments

    | Parameter | Default | Description |
    |---|---|---|
    | `utterances` | `SyntheticTexts()` | any `UtteranceSource`; the default needs the extra `tts` |
    | `fps` | 30 | command frames per second |
    | `observations` | see above | names of what is observed |
    | `look_ahead` | 5 | coming frames that are known |
    | `weights` | `RewardWeights()` | of the terms of the reward |
    | `randomisation` | None | `Randomisation`: ranges of speed, gain, latency, backlash, skin, camera, light |
    | `speech_features` | `log_mel_and_loudness` | features (n, d) of a sound at a frame rate; the default needs the extra `learn` |
    | `encoder` | None | latents (n, d) of lip images (n, 128, 128, 3) |
    | `skin` | "condensed" | or "shell", the finite elements: 90 times slower |
    | `servos` | None | a servo table; the face model's by default |
    | `render_mode` | None | "rgb_array" or "human" (a window; extra `rl`) |
    | `camera`, `size` | "portrait", 480 | what pictures show, and their width and height in pixels |

    `reset(options={"utterance": ...})` takes a `SpokenLips` instead of drawing one.

    Raises:
        ValueError: an argument is out of range, or an observation lacks what it needs.

    ## Version history

    * v0: initial version
    """  # noqa: E501 - tables do not wrap

    def __init__(
        self,
        utterances: UtteranceSource | None = None,
        *,
        fps: float = FPS,
        observations: Sequence[str] = DEFAULT_OBSERVATIONS,
        look_ahead: int = LOOK_AHEAD,
        weights: RewardWeights | None = None,
        randomisation: Randomisation | None = None,
        speech_features: SpeechFeatures = log_mel_and_loudness,
        encoder: LipEncoder | None = None,
        skin: Skin = "condensed",
        servos: ServoTable | None = None,
        render_mode: str | None = None,
        camera: str = "portrait",
        size: int = 480,
    ) -> None:
        super().__init__(VariedFace(randomisation, skin, servos), fps, render_mode, camera, size)
        self._utterances = utterances if utterances is not None else SyntheticTexts()
        self._weights = weights if weights is not None else RewardWeights()
        names = check_names(observations, SPEAK_OBSERVATIONS)
        self._sees_lips = "lip_image" in names
        table = self._face.nominal_servos
        self._stall_torques = table.torque_limits
        self._maker = ReferenceMaker(fps, look_ahead, names, speech_features, encoder)
        self._observer = FaceObserver(names, table, self._maker.rest_landmarks)
        self.observation_space = self._observer.space(self._maker.window_sizes())
        self._reference: Reference | None = None
        self._frame = 0
        self._touching: list[bool] = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an utterance; `options={"utterance": SpokenLips}` says which."""
        super().reset(seed=seed)
        said = (options or {}).get("utterance") or self._utterances.draw(self.np_random)
        self._reference = self._maker.make(said)
        self._frame, self._touching = 0, []
        moment = self._restart()
        self._show_human()
        info = {"utterance": self._reference.name, "n_steps": self._reference.n_steps}
        return self._observe(self._reference, moment), info

    def step(self, action: Commands) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Hold the commands (10,) for one frame.

        Raises:
            RuntimeError: before `reset` or after the end.
            ValueError: the action is not in the action space.
            FloatingPointError: the simulation diverged.
        """
        reference = self._reference
        if reference is None or self._frame >= reference.n_steps:
            raise RuntimeError("there is no utterance going on; call reset() first")
        moment = self._advance(action)
        self._frame += 1
        self._touching.append(bool(moment.lips_touching))
        wanted = reference.frame(self._frame)
        terms = speak_terms(moment, wanted, self._commands, self._stall_torques, self._weights)
        info: dict[str, Any] = {
            "reward_terms": {name: float(term) for name, term in terms.items()},
            "landmark_error_mm": float(landmark_error_mm(moment, wanted)),
            "lips_touching": bool(moment.lips_touching),
            "lower_lip_on_teeth": bool(moment.lower_lip_on_teeth),
        }
        is_over = self._frame == reference.n_steps
        if is_over:
            info["closures"] = closure_counts(reference, self._touching)
        self._show_human()
        reward = float(total(terms))
        return self._observe(reference, moment), reward, is_over, False, info

    def _observe(self, reference: Reference, moment: Moment) -> Observation:
        windows = {name: rows[self._frame].copy() for name, rows in reference.windows.items()}
        seen: Observation = {**windows, **self._observer.observe(moment, self._commands)}
        if self._sees_lips:
            seen["lip_image"] = self._view.lip_image()
        return seen


def closure_counts(reference: Reference, touching: Sequence[bool]) -> dict[str, int]:
    """Closures of an episode: `wanted` and `reached` p, b, m, and frames of `false` ones.

    touching: whether the lips touched at frame 1, 2 and so on.
    """
    touched = np.array([False, *touching])
    events = [bool(touched[frames].any()) for frames in reference.closures()]
    false = touched & reference.frames.apart[: len(touched)]
    return {"wanted": len(events), "reached": sum(events), "false": int(false.sum())}
