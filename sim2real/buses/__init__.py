"""Servo buses: what is on the wire, and the drivers that put it there."""
