"""What the repair of trajectories makes of violent, calm and speaking ones.

Run it with: .venv/bin/python -m benchmarks.repair [--trajectories 200] [--languages en-us fr]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from rich.progress import track

from envs.speech import synthesise
from policies import Speech, make_policy
from policies.evaluation.texts import TEXTS
from sim import FaceTwin
from sim.dof import N_DOF
from sim2real.trajectory import Trajectory, read_trajectory_csv, write_trajectory_csv
from sim2real.validation import Repair, RepairError, load_limits, repair, validate

FPS = 30.0


def violent(seed: int, n_rows: int = 30) -> Trajectory:
    """A second of commands that no servo can follow: random, or from end to end."""
    rng = np.random.default_rng(seed)
    commands = rng.uniform(size=(n_rows, N_DOF))
    return Trajectory(np.arange(n_rows) / FPS, np.round(commands) if seed % 2 else commands)


def calm(seed: int, twin: FaceTwin) -> Trajectory:
    """A second that glides from rest through two random poses."""
    rng = np.random.default_rng(seed)
    poses = rng.uniform(size=(3, N_DOF))
    poses[0] = twin.rest_commands
    times_s = np.arange(30) / FPS
    phase = np.clip(times_s / 0.5, 0, 2)
    eased = np.floor(phase) + 0.5 - 0.5 * np.cos(np.pi * (phase % 1.0))
    columns = [np.interp(eased, np.arange(3), column) for column in poses.T]
    return Trajectory(times_s, np.clip(np.column_stack(columns), 0.0, 1.0))


def repaired(trajectory: Trajectory, twin: FaceTwin) -> Repair:
    """The trajectory after repair, of the limits that the project ships."""
    limits = load_limits()
    return repair(trajectory, validate(trajectory, twin, limits), twin, limits)


def untouched(trajectory: Trajectory, twin: FaceTwin, folder: Path) -> bool | None:
    """Whether a file goes through the repair without the change of a byte; None if it fails."""
    before, after = folder / "before.csv", folder / "after.csv"
    write_trajectory_csv(before, trajectory)
    read = read_trajectory_csv(before)
    report = validate(read, twin)
    if not report.passed:
        return None
    found = repair(read, report, twin, load_limits())
    write_trajectory_csv(after, found.trajectory)
    return found.trajectory is read and before.read_bytes() == after.read_bytes()


def main() -> None:
    """Print counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trajectories", type=int, default=200)
    parser.add_argument("--languages", nargs="*", default=list(TEXTS))
    options = parser.parse_args()
    twin = FaceTwin()
    n = options.trajectories

    rounds: list[int] = []
    again = 0
    with tempfile.TemporaryDirectory() as name:
        for seed in track(range(n), "violent"):
            try:
                found = repaired(violent(seed), twin)
            except RepairError:
                continue
            rounds.append(found.rounds)
            again += untouched(found.trajectory, twin, Path(name)) is True
        mean = sum(rounds) / max(len(rounds), 1)
        print(f"violent: {len(rounds)} of {n} pass after repair, {mean:.1f} rounds each")
        print(f"repaired, written, read and repaired again: {again} of {len(rounds)} untouched")

        passing = kept = 0
        seed = 0
        while passing < n:
            same = untouched(calm(seed, twin), twin, Path(name))
            seed += 1
            passing += same is not None
            kept += same is True
    print(f"calm: {kept} of {passing} passing ones untouched")

    for voice in track(options.languages, "speaking"):
        spoken = synthesise(TEXTS[voice], voice)
        policy = make_policy("nearest")
        commands = policy.commands(Speech(spoken.audio, spoken.phones), FPS)
        trajectory = Trajectory(np.arange(len(commands)) / FPS, commands)
        before = validate(trajectory, twin)
        found = repair(trajectory, before, twin, load_limits())
        change = np.abs(found.trajectory.commands - commands)
        failed = ", ".join(check.name for check in before.failures) or "nothing"
        print(
            f"{voice}: {failed} failed; passes after {found.rounds} rounds; "
            f"{found.closures.kept} of {found.closures.total} closures kept; "
            f"commands changed by {change.mean():.4f} on average, {change.max():.2f} at most"
        )


if __name__ == "__main__":
    main()
