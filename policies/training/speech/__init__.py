"""Training the speech encoder: what it hears, what lips go with it, and how it learns."""
