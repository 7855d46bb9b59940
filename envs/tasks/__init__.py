"""Environments in which a policy moves the face: `LipTwin/Speak-v0` and `LipTwin/Babble-v0`.

Importing this package registers them; so does `gymnasium.make("envs.tasks:LipTwin/Speak-v0")`.
"""

from gymnasium.envs.registration import register

from envs.tasks.babble import BabbleEnv
from envs.tasks.randomisation import Randomisation, Variation
from envs.tasks.rewards import RewardWeights
from envs.tasks.speak import SpeakEnv
from envs.tasks.utterances import (
    SpokenLips,
    SyntheticTexts,
    UtteranceList,
    UtteranceSource,
    captured,
    spoken,
)
from envs.tasks.vector import VectorSpeakEnv

__all__ = [
    "BabbleEnv",
    "Randomisation",
    "RewardWeights",
    "SpeakEnv",
    "SpokenLips",
    "SyntheticTexts",
    "UtteranceList",
    "UtteranceSource",
    "Variation",
    "VectorSpeakEnv",
    "captured",
    "spoken",
]

register(
    id="LipTwin/Speak-v0",
    entry_point="envs.tasks.speak:SpeakEnv",
    vector_entry_point="envs.tasks.vector:VectorSpeakEnv",
)
register(id="LipTwin/Babble-v0", entry_point="envs.tasks.babble:BabbleEnv")
