"""`liptwin babble`: the twin moves its lips at random and records what that looks like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liptwin import gl
from liptwin.errors import CommandError


def babble(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to record; goes on where it stopped.")
    ],
    shards: Annotated[
        int, typer.Option(min=1, max=100_000, help="How many motions, ten seconds each.")
    ] = 240,
    seed: Annotated[int, typer.Option(min=0, help="Of all chance in it.")] = 0,
    crop_every: Annotated[
        int, typer.Option(min=1, max=300, help="Of so many frames, one is also seen as a picture.")
    ] = 6,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes side by side.")] = 1,
    sheet: Annotated[
        Path | None, typer.Option(help="Picture of some of the lips seen, to write, .png.")
    ] = None,
) -> None:
    """Record self-observation: random motor commands, and the lips that come of them.

    Every motion (shard) goes from pose to pose at the paces of speech, with real servos, in the
    fast tier. Poses that fold the skin are not taken. A shard depends on the seed and its number
    alone, so a recording that was interrupted goes on with the same command, and more shards can
    be added later. Shards are .npz archives; dataset.json beside them says what is in them.

    Examples:

      liptwin babble observed --shards 8 --sheet lips.png

      liptwin babble observed --shards 240 --workers 2
    """
    from liptwin.files import check_can_write

    if sheet is not None:
        check_can_write(sheet, ".png")
    gl.prepare(rendering=True)
    from liptwin.progress import tracked
    from policies.self_observation import DatasetError, Recipe, record

    try:
        recording = record(folder, shards, seed, Recipe(crop_every=crop_every), workers, tracked)
        if sheet is not None:
            _write_sheet(sheet, recording.shards)
    except DatasetError as error:
        raise CommandError(str(error)) from error
    frames = len(recording.shards) * recording.recipe.n_frames
    typer.echo(
        f"{folder}: {len(recording.shards)} shards, {frames} frames, "
        f"{frames / recording.recipe.fps / 60:.1f} min"
    )


def _write_sheet(path: Path, shards: tuple[Path, ...]) -> None:
    """Lips seen at regular distances through the recording, 6 rows of 10."""
    import numpy as np
    from PIL import Image

    from liptwin.files import replacing
    from policies.self_observation.dataset import read_shard

    rows, columns = 6, 10
    chosen = [shards[k * len(shards) // rows] for k in range(rows)]
    pictures = []
    for shard in chosen:
        crops = read_shard(shard).crops
        some = crops[np.arange(columns) * len(crops) // columns]
        pictures.append(np.concatenate(list(some), axis=1))
    with replacing(path) as partial:
        Image.fromarray(np.concatenate(pictures)).save(partial)
