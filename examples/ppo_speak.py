"""Train Stable-Baselines3's PPO, as it comes, on `LipTwin/Speak-v0`.

    pip install "liptwin[rl,tts]"
    python examples/ppo_speak.py

It prints the mean reward per step before and after, over the recordings that it trains on: this
shows that the environment can be learned from, not that the policy speaks well. Figures are in
docs/environments.md.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("MUJOCO_GL", "disabled")  # nothing is drawn

import gymnasium
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv

from envs.tasks import SyntheticTexts

N_FACES = 4
RECORDINGS = SyntheticTexts(
    texts=("Bob moved my blue boat.", "Who saw the moon?", "Maybe a beam of fire."),
    voices=("en-us",),
    variety=6,
)


def make_env() -> gymnasium.Env:
    """One face; PPO begins with actions about 0, which [-1, 1] puts in the middle."""
    env = gymnasium.make("LipTwin/Speak-v0", utterances=RECORDINGS)
    return gymnasium.wrappers.RescaleAction(env, np.float32(-1.0), np.float32(1.0))


def mean_return(act: Callable[[dict], np.ndarray]) -> float:
    """Mean return per step over all recordings."""
    env, rewards = make_env(), []
    for number in range(RECORDINGS.variety):
        seen, _ = env.reset(options={"utterance": RECORDINGS.recording(number)})
        is_over = False
        while not is_over:
            seen, reward, is_over, _, _ = env.step(act(seen))
            rewards.append(float(reward))
    env.close()
    return float(np.mean(rewards))


def learned(model: BaseAlgorithm) -> Callable[[dict], np.ndarray]:
    """What a model does, without exploring."""
    return lambda seen: model.predict(seen, deterministic=True)[0]


def main() -> None:
    """Train, compare, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20_000, help="steps of training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=None, help="save the policy here (.zip)")
    arguments = parser.parse_args()

    model = PPO(
        "MultiInputPolicy",
        DummyVecEnv([make_env] * N_FACES),
        n_steps=256,
        batch_size=256,
        n_epochs=10,
        gamma=0.8,  # a command acts for a few frames only
        learning_rate=1e-3,
        policy_kwargs={"log_std_init": -1.0, "net_arch": [128, 128]},
        seed=arguments.seed,
        device="cpu",
    )
    before = mean_return(learned(model))
    model.learn(arguments.steps)
    after = mean_return(learned(model))
    print(  # noqa: T201
        f"mean reward per step: {before:.2f} untrained, {after:.2f} after {model.num_timesteps}"
    )
    if arguments.output is not None:
        model.save(arguments.output)


if __name__ == "__main__":
    main()
