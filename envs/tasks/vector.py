"""Many faces that speak at once, on `mujoco.batch`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import mujoco
import mujoco.batch
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from envs.speech import frame_times
from envs.tasks.face_env import command_space
from envs.tasks.moment import BatchReader, Moment
from envs.tasks.observations import (
    SPEAK_OBSERVATIONS,
    FaceObserver,
    Observation,
    check_names,
)
from envs.tasks.randomisation import PHYSICAL_FIELDS, Randomisation, Variation, VariedFace
from envs.tasks.reference import (
    LipEncoder,
    Reference,
    ReferenceMaker,
    SpeechFeatures,
    WantedFrame,
    log_mel_and_loudness,
)
from envs.tasks.rewards import (
    JERK_COMMANDS,
    RewardWeights,
    landmark_error_mm,
    speak_terms,
    total,
)
from envs.tasks.speak import DEFAULT_OBSERVATIONS, FPS, LOOK_AHEAD, closure_counts
from envs.tasks.utterances import SyntheticTexts, UtteranceSource
from envs.tasks.view import FaceView
from sim import N_DOF, ServoTable, TwinState
from sim.servos import ServoBank

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_AT_NEW_STATE: Final = mujoco.mjtStage.mjSTAGE_POS


class VectorSpeakEnv(VectorEnv[Observation, NDArray[np.float32], NDArray[Any]]):
    """`LipTwin/Speak-v0` with many faces stepped together, on several threads.

    Face i behaves as a `SpeakEnv` that was reset with seed + i, and the whole as a
    `gymnasium.vector.SyncVectorEnv` of them: an episode that has ended begins anew with the next
    step, whose action is ignored (`AutoresetMode.NEXT_STEP`). Spaces, rewards and info are those of
    `SpeakEnv`; the skin is the condensed one, and nothing is rendered except for `lip_image`.

    Args:
        num_envs: number of faces.
        n_threads: threads of the simulation; 0 takes all processors.

    The other arguments are those of `SpeakEnv`.

    Raises:
        ValueError: an argument is out of range, or an observation lacks what it needs.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - as Gymnasium declares it
        "render_modes": [],
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int,
        utterances: UtteranceSource | None = None,
        *,
        fps: float = FPS,
        observations: Sequence[str] = DEFAULT_OBSERVATIONS,
        look_ahead: int = LOOK_AHEAD,
        weights: RewardWeights | None = None,
        randomisation: Randomisation | None = None,
        speech_features: SpeechFeatures = log_mel_and_loudness,
        encoder: LipEncoder | None = None,
        servos: ServoTable | None = None,
        n_threads: int = 0,
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs is {num_envs}; give 1 or more")
        frame_times(0, fps)
        self.num_envs = num_envs
        self._fps = fps
        self._utterances = utterances if utterances is not None else SyntheticTexts()
        self._weights = weights if weights is not None else RewardWeights()
        names = check_names(observations, SPEAK_OBSERVATIONS)
        self._face = VariedFace(randomisation, servos=servos)
        table = self._face.nominal_servos
        self._stall_torques = table.torque_limits
        self._maker = ReferenceMaker(fps, look_ahead, names, speech_features, encoder)
        self._observer = FaceObserver(names, table, self._maker.rest_landmarks)
        self._view = FaceView(self._face.twin) if "lip_image" in names else None
        self.single_observation_space = self._observer.space(self._maker.window_sizes())
        self.single_action_space = command_space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

        twin = self._face.twin
        self._timestep: float = twin.model.opt.timestep
        self._batch = mujoco.batch.Batch(twin.model, nsim=num_envs, nthread=n_threads)
        self._bank = ServoBank(twin.model, table, num_envs)
        self._reader = BatchReader(twin, self._batch, self._bank)
        self._varied: dict[str, Floats] = {}
        if randomisation is not None:
            self._varied = {name: self._batch.expand(name) for name in PHYSICAL_FIELDS}
        self._variations: list[Variation | None] = [None] * num_envs
        self._rngs: list[np.random.Generator] = []
        self._references: list[Reference] = []
        self._frames = np.zeros(num_envs, int)
        self._time_carries_s = np.zeros(num_envs)
        self._times_s = self._batch.bind("time")
        self._commands = np.empty((num_envs, JERK_COMMANDS, N_DOF))
        self._touching: list[list[bool]] = [[] for _ in range(num_envs)]
        self._over = np.zeros(num_envs, bool)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an utterance with every face; `options={"utterance": SpokenLips}` says which.

        seed: face i takes seed + i, or the i-th of a row of seeds; None goes on with the present
        random numbers.

        Raises:
            ValueError: another number of seeds than of faces.
        """
        seeds = self._seeds(seed)
        for face in range(self.num_envs):
            if len(self._rngs) <= face:
                self._rngs.append(seeding.np_random(seeds[face])[0])
            elif seeds[face] is not None:
                self._rngs[face] = seeding.np_random(seeds[face])[0]
        self._references = [self._draw(face, options) for face in range(self.num_envs)]
        self._over[:] = False
        infos = self._restart(np.arange(self.num_envs))
        return self._observe(self._reader.read()), infos

    def _seeds(self, seed: int | Sequence[int | None] | None) -> Sequence[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int):
            return [seed + face for face in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(f"there are {len(seed)} seeds for {self.num_envs} faces")
        return seed

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[Observation, Floats, Flags, Flags, dict[str, Any]]:
        """Hold the commands (n, 10) for one frame.

        Raises:
            RuntimeError: before `reset`.
            ValueError: the actions are not in the action space.
            FloatingPointError: a simulation diverged.
        """
        if not self._references:
            raise RuntimeError("there are no utterances going on; call reset() first")
        commands = self._check(actions)
        going = np.flatnonzero(~self._over)
        beginning = np.flatnonzero(self._over)
        self._bank.send(self._batch, commands)
        self._commands[going, :-1] = self._commands[going, 1:]
        self._commands[going, -1] = commands[going]
        self._advance(going)
        self._frames[going] += 1
        for face in beginning:
            self._references[face] = self._draw(int(face), None)
        infos = self._restart(beginning) if beginning.size else {}

        moment = self._reader.read()
        wanted = self._wanted()
        terms = speak_terms(moment, wanted, self._commands, self._stall_torques, self._weights)
        rewards = np.zeros(self.num_envs)
        rewards[going] = total(terms)[going]
        for face in going:
            self._touching[face].append(bool(moment.lips_touching[face]))
        lengths = np.array([reference.n_steps for reference in self._references])
        self._over = self._frames == lengths
        self._over[beginning] = False
        self._tell(infos, going, moment, wanted, terms)
        return (
            self._observe(moment),
            rewards,
            self._over.copy(),
            np.zeros(self.num_envs, bool),
            infos,
        )

    def close_extras(self, **kwargs: Any) -> None:
        """Free the drawing context."""
        if self._view is not None:
            self._view.close()

    def _check(self, actions: ArrayLike) -> Floats:
        commands = np.asarray(actions, float)
        if commands.shape != (self.num_envs, N_DOF):
            raise ValueError(f"actions have shape {commands.shape}; give {(self.num_envs, N_DOF)}")
        if not ((commands >= 0.0) & (commands <= 1.0)).all():
            raise ValueError("an action is not a number in [0, 1]; clip the actions")
        return commands

    def _draw(self, face: int, options: dict[str, Any] | None) -> Reference:
        said = (options or {}).get("utterance") or self._utterances.draw(self._rngs[face])
        return self._maker.make(said)

    def _restart(self, faces: NDArray[np.int64]) -> dict[str, Any]:
        """Faces at rest at the beginning of their utterances, with new variations."""
        twin = self._face.twin
        infos: dict[str, Any] = {}
        for face in faces:
            variation = self._face.vary(self._rngs[face])
            self._variations[face] = variation
            if variation is not None:
                for name, rows in self._varied.items():
                    rows[face] = getattr(twin.model, name)
                self._bank.exchange(twin.servos, face)
            rest = twin.save_state()
            self._batch.state[face] = rest.integration
            self._time_carries_s[face] = rest.time_carry_s
            self._frames[face], self._touching[face] = 0, []
            self._commands[face] = twin.rest_commands
            reference = self._references[face]
            info = {"utterance": reference.name, "n_steps": reference.n_steps}
            infos = self._add_info(infos, info, face)
        # what a step leaves behind (forces, currents), computed without moving on
        states = self._batch.state[faces].copy()
        self._batch.forward(ids=faces)
        self._batch.state[faces] = states
        return infos

    def _advance(self, faces: NDArray[np.int64]) -> None:
        """One frame, in whole time steps; what is left over is carried on, as the twin does."""
        wanted_s = 1.0 / self._fps + self._time_carries_s[faces]
        steps = (wanted_s / self._timestep + 1e-9).astype(int)
        self._time_carries_s[faces] = wanted_s - steps * self._timestep
        due_s = self._times_s[faces] + steps * self._timestep
        for count in np.unique(steps[steps > 0]):
            self._batch.step(ids=faces[steps == count], nstep=int(count), stage=_AT_NEW_STATE)
        # MuJoCo begins a simulation that diverges anew
        lost = faces[np.abs(self._times_s[faces] - due_s) > 0.5 * self._timestep]
        if lost.size:
            raise FloatingPointError(
                f"the simulation of face {lost[0]} diverged under commands "
                f"{np.array2string(self._commands[lost[0], -1], precision=3)}"
            )

    def _wanted(self) -> WantedFrame:
        frames = [
            reference.frame(k) for reference, k in zip(self._references, self._frames, strict=True)
        ]
        return WantedFrame(
            landmarks=np.array([frame.landmarks for frame in frames]),
            closed=np.array([frame.closed for frame in frames]),
            apart=np.array([frame.apart for frame in frames]),
            on_teeth=np.array([frame.on_teeth for frame in frames]),
        )

    def _observe(self, moment: Moment) -> Observation:
        seen: Observation = {}
        for name in self._references[0].windows:
            rows = [
                reference.windows[name][k]
                for reference, k in zip(self._references, self._frames, strict=True)
            ]
            seen[name] = np.stack(rows)
        seen |= self._observer.observe(moment, self._commands)
        if self._view is not None:
            seen["lip_image"] = np.stack([self._look(self._view, k) for k in range(self.num_envs)])
        return seen

    def _look(self, view: FaceView, face: int) -> NDArray[np.uint8]:
        variation, twin = self._variations[face], self._face.twin
        if variation is not None:
            self._face.light(variation)
        twin.restore_state(TwinState(twin.skin, self._batch.state[face].copy(), 0.0))
        return view.lip_image()

    def _tell(
        self,
        infos: dict[str, Any],
        going: NDArray[np.int64],
        moment: Moment,
        wanted: WantedFrame,
        terms: Mapping[str, NDArray[Any]],
    ) -> None:
        """Add to `infos` what `SpeakEnv.step` tells, as Gymnasium's own vector environments do."""
        has = np.zeros(self.num_envs, bool)
        has[going] = True
        if not going.size:
            return

        def add(into: dict[str, Any], name: str, values: NDArray[Any]) -> None:
            into[name] = np.where(has, values, np.zeros((), values.dtype))
            into[f"_{name}"] = has.copy()

        told: dict[str, Any] = {}
        for name, values in terms.items():
            add(told, name, np.asarray(values, float))
        infos["reward_terms"], infos["_reward_terms"] = told, has.copy()
        add(infos, "landmark_error_mm", landmark_error_mm(moment, wanted))
        add(infos, "lips_touching", moment.lips_touching)
        add(infos, "lower_lip_on_teeth", moment.lower_lip_on_teeth)
        for face in np.flatnonzero(self._over):
            counts = closure_counts(self._references[face], self._touching[face])
            infos.update(self._add_info(infos, {"closures": counts}, int(face)))
