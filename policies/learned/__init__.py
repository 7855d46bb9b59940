"""Networks that learned: seeing lips, knowing one's own body, moving it, and hearing speech."""
