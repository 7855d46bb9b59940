"""What the repair makes of violent, calm and speaking trajectories, and of lips that talk for long.

Run it with: .venv/bin/python -m benchmarks.repair [--trajectories 200] [--minutes 2]
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.progress import track

from envs.speech import synthesise
from envs.speech.scoring import score_phones
from policies import Speech, make_policy
from policies.evaluation.rollout import lips_under
from policies.evaluation.texts import TEXTS
from policies.training.texts import random_text
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


def talk(minutes: float) -> Speech:
    """Random English sentences, one after the other."""
    rng = np.random.default_rng(0)
    spoken = synthesise(random_text(rng), "en-us")
    audio, phones = spoken.audio, spoken.phones
    while audio.duration_s < 60.0 * minutes:
        spoken = synthesise(random_text(rng), "en-us")
        phones += tuple(phone.later(audio.duration_s) for phone in spoken.phones)
        audio = replace(audio, samples=np.concatenate([audio.samples, spoken.audio.samples]))
    return Speech(audio, phones)


def viewed(commands: np.ndarray, speech: Speech, twin: FaceTwin) -> str:
    """What viewers notice of the lips that commands make."""
    found = score_phones(lips_under(twin, commands), speech.phones or ())
    counts = {
        "p b m closed": found.closures,
        "vowels closed": found.false_in_vowels,
        "other consonants": found.false_near_consonants,
        "f v": found.labiodentals,
    }
    return ", ".join(f"{name} {count.hits} of {count.total}" for name, count in counts.items())


def changed(found: Repair, commands: np.ndarray) -> str:
    """How far a repair is from what it was given."""
    change = np.abs(found.trajectory.commands - commands)
    return f"commands changed by {change.mean():.4f} on average, {change.max():.2f} at most"


def main() -> None:
    """Print counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trajectories", type=int, default=200)
    parser.add_argument("--languages", nargs="*", default=list(TEXTS))
    parser.add_argument("--minutes", type=float, default=2.0, help="of talk, learned policy")
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
        failed = ", ".join(check.name for check in before.failures) or "nothing"
        print(
            f"{voice}: {failed} failed; passes after {found.rounds} rounds; "
            f"{found.closures.kept} of {found.closures.total} closures kept; "
            f"{changed(found, commands)}"
        )

    speech = talk(options.minutes)
    commands = make_policy("learned").commands(speech, FPS)
    found = repaired(Trajectory(np.arange(len(commands)) / FPS, commands), twin)
    print(f"{speech.audio.duration_s:.0f} s of talk: {viewed(commands, speech, twin)}")
    print(
        f"after {found.rounds} rounds: {viewed(found.trajectory.commands, speech, twin)}; "
        f"{changed(found, commands)}"
    )


if __name__ == "__main__":
    main()
