"""Builds everything generated in `assets/face_model` (run `python -m sim.build_model`)."""
