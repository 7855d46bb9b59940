"""Self-observation: the robot babbles its motors and watches its own lips."""

from policies.self_observation.dataset import DatasetError, SelfObservation, record
from policies.self_observation.recording import Observation, Recipe, record_shard

__all__ = ["DatasetError", "Observation", "Recipe", "SelfObservation", "record", "record_shard"]
