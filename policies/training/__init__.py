"""Training: from babbling and synthesised speech to weights."""
