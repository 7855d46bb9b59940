"""What a command costs: time and peak memory."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence


def cost_of(command: Sequence[str]) -> Mapping[str, float]:
    """Run a command: wall_s, cpu_s, and peak_mb of the largest of its processes.

    Raises:
        RuntimeError: it failed; says what it said.
    """
    # A child starts with the peak memory of the process that started it; a small one stands
    # between, so that the figure is the command's own.
    launcher = [sys.executable, "-m", "benchmarks.launcher", *command]
    done = subprocess.run(launcher, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return json.loads(done.stdout)
