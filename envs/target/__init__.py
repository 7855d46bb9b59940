"""The target face: wanted lips on the same face, free of the servos."""

from envs.target.face import TargetFace
from envs.target.shape import REST_SHAPE, LipShape, sample_shapes

__all__ = ["REST_SHAPE", "LipShape", "TargetFace", "sample_shapes"]
