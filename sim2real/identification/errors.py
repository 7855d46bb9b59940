"""What goes wrong with identification."""

from __future__ import annotations


class IdentificationError(ValueError):
    """A log from which nothing can be identified; the message says why and what to do."""
