"""`LipTwin/Babble-v0`: move, and watch what the lips do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from envs.speech import frame_count
from envs.tasks.face_env import Commands, FaceEnv
from envs.tasks.moment import Moment
from envs.tasks.observations import FACE_OBSERVATIONS, FaceObserver, Observation, check_names
from envs.tasks.randomisation import Randomisation, VariedFace
from envs.tasks.rewards import effort, smoothness
from sim import ServoTable, measurements
from sim.model import Skin

DEFAULT_OBSERVATIONS: Final = ("landmarks", "proprioception", "previous_commands")
CELL_MM: Final = 2.0
"""Side of the cells in which lip shapes count as the same: a difference that is easily seen."""
SMOOTHNESS_WEIGHT: Final = 0.2
EFFORT_WEIGHT: Final = 0.2


class BabbleEnv(FaceEnv):
    """
    ## Description

    Self-observation: a robot face with ten servos under a soft skin moves as it likes and watches
    its own lips, as a babbling infant does. There is no target; what is rewarded is to see lip
    shapes that have not been seen before in the episode, without jerks and strain. Recorded with
    any policy, random actions included, an episode is commands with the lips that followed.

    ## Action space

    `Box(0, 1, (10,), float32)`: commands, as in `LipTwin/Speak-v0`.

    ## Observation space

    A `Dict` of those of these that `observations` names; by default all but the picture. Numbers
    are `float32`, within 10 of 0 and mostly within 1.

    | Key | Size | What | One is |
    |---|---|---|---|
    | `landmarks` | 120 | the 40 lip landmarks, from rest | 10 mm |
    | `proprioception` | 30 | joint positions, joint velocities, winding currents | end of the range, no-load speed, stall current |
    | `previous_commands` | 20 | the last two actions, newest last | command 1 |
    | `lip_image` | 128 x 128 x 3 | picture of the lips, `uint8` | 1/255 of white |

    ## Rewards

    The sum of the terms in `info["reward_terms"]`.

    | Term | What | Weight |
    |---|---|---|
    | `novelty` | 1 for the first visit, in the episode, to a cell of 2 mm of aperture, width and protrusion | 1 |
    | `smoothness` | minus the root mean square third difference of the commands | 0.2 |
    | `effort` | minus the mean square torque, as share of the stall torque | 0.2 |

    Counting visits to cells is the simplest of the count-based exploration bonuses; it depends on
    the past of the episode, which is not observed.

    ## Starting state

    The face at rest with closed lips and cold servos. With `randomisation` it is another one each
    time.

    ## Episode end

    It is truncated after `duration_s`; it never terminates.

    ## Info

    `step` gives `reward_terms` and what the lips measure: `aperture_mm`, `width_mm`,
    `protrusion_mm`, `lips_touching`, `lower_lip_on_teeth`; and `cells`, how many have been visited.

    ## Arguments

    | Parameter | Default | Description |
    |---|---|---|
    | `duration_s` | 10 | length of an episode |
    | `fps` | 30 | command frames per second |
    | `observations` | see above | names of what is observed |
    | `randomisation` | None | `Randomisation`: ranges of speed, gain, latency, backlash, skin, camera, light |
    | `skin` | "condensed" | or "shell", the finite elements: 90 times slower |
    | `servos` | None | a servo table; the face model's by default |
    | `render_mode` | None | "rgb_array" or "human" (a window; extra `rl`) |
    | `camera`, `size` | "portrait", 480 | what pictures show, and their width and height in pixels |

    Raises:
        ValueError: an argument is out of range.

    ## Version history

    * v0: initial version
    """  # noqa: E501 - tables do not wrap

    def __init__(
        self,
        *,
        duration_s: float = 10.0,
        fps: float = 30.0,
        observations: Sequence[str] = DEFAULT_OBSERVATIONS,
        randomisation: Randomisation | None = None,
        skin: Skin = "condensed",
        servos: ServoTable | None = None,
        render_mode: str | None = None,
        camera: str = "portrait",
        size: int = 480,
    ) -> None:
        super().__init__(VariedFace(randomisation, skin, servos), fps, render_mode, camera, size)
        self._n_steps = frame_count(duration_s, fps)
        names = check_names(observations, FACE_OBSERVATIONS)
        self._sees_lips = "lip_image" in names
        twin, table = self._face.twin, self._face.nominal_servos
        rest = twin.skin_model.landmarks(twin.skin_model.shell_vertices)
        self._rest_forward_mm = measurements.forward_mm(rest)
        self._stall_torques = table.torque_limits
        self._observer = FaceObserver(names, table, rest)
        self.observation_space = self._observer.space({})
        self._frame = self._n_steps
        self._cells: set[tuple[int, ...]] = set()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin at rest."""
        super().reset(seed=seed)
        moment = self._restart()
        self._frame = 0
        self._cells = {self._cell(self._measure(moment))}
        self._show_human()
        return self._observe(moment), {}

    def step(self, action: Commands) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Hold the commands (10,) for one frame.

        Raises:
            RuntimeError: before `reset` or after the end.
            ValueError: the action is not in the action space.
            FloatingPointError: the simulation diverged.
        """
        if self._frame >= self._n_steps:
            raise RuntimeError("the episode is over or has not begun; call reset() first")
        moment = self._advance(action)
        self._frame += 1
        lips = self._measure(moment)
        cell = self._cell(lips)
        terms = {
            "novelty": float(cell not in self._cells),
            "smoothness": SMOOTHNESS_WEIGHT * float(smoothness(self._commands)),
            "effort": EFFORT_WEIGHT * float(effort(moment, self._stall_torques)),
        }
        self._cells.add(cell)
        info: dict[str, Any] = {
            "reward_terms": terms,
            **lips,
            "lips_touching": bool(moment.lips_touching),
            "lower_lip_on_teeth": bool(moment.lower_lip_on_teeth),
            "cells": len(self._cells),
        }
        self._show_human()
        is_over = self._frame == self._n_steps
        return self._observe(moment), sum(terms.values()), False, is_over, info

    def _observe(self, moment: Moment) -> Observation:
        seen = self._observer.observe(moment, self._commands)
        if self._sees_lips:
            seen["lip_image"] = self._view.lip_image()
        return seen

    def _measure(self, moment: Moment) -> dict[str, float]:
        return {
            "aperture_mm": measurements.aperture_mm(moment.landmarks),
            "width_mm": measurements.width_mm(moment.landmarks),
            "protrusion_mm": measurements.forward_mm(moment.landmarks) - self._rest_forward_mm,
        }

    @staticmethod
    def _cell(lips: dict[str, float]) -> tuple[int, ...]:
        return tuple(math.floor(value / CELL_MM) for value in lips.values())
