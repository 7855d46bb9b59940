"""Environments: what the face is asked to do, starting with speech."""
