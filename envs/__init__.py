"""Speech, the target face, and environments in which a policy moves the twin."""
