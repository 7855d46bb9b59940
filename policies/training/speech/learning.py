"""Training the speech encoder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from envs.progress import Progress, untracked
from envs.speech.features import N_BANDS
from policies.learned.contacts import HORIZONS, N_MOMENTS
from policies.learned.speech_encoder import STRIDE, SpeechEncoder, SpeechNetwork
from policies.learned.usual_microphone import VOICED_LOUDNESS
from policies.training.config import Lessons, SpeechTraining
from policies.training.device import best_device, quick_products
from policies.training.side_by_side import side_by_side
from policies.training.speech.english import prompt_takes
from policies.training.speech.hearings import (
    Halves,
    Hearings,
    captured_hearings,
    spoken_hearings,
)
from policies.training.speech.strangers import somebody_else
from policies.training.speech.takes import capture_takes
from policies.training.speech.targets import SOUNDS, UNKNOWN
from policies.training.speech.testing import EncoderErrors, chosen_thresholds, encoder_errors
from policies.training.state import epochs_done, resume, save_state

CROP_FRAMES: Final = 368
"""Of what the encoder hears at a time: 4.1 s, 120 command frames."""
TEMPO_LOG: Final = 0.2
"""Greatest change of tempo alone: 22 %."""


def train_encoder(
    recipe: SpeechTraining,
    seed: int,
    folder: Path,
    progress: Progress = untracked,
    captures: Path | None = None,
    start: SpeechEncoder | None = None,
    workers: int = 1,
) -> tuple[SpeechEncoder, EncoderErrors]:
    """Fit the encoder to English speech, or to captured humans.

    Leaves in `folder`: `speech.npz`, what it hears (English only); each network's state after each
    epoch, from which a second call goes on; logs for TensorBoard.

    Args:
        recipe: every number that it depends on.
        seed: of all that is random.
        folder: where it lives.
        progress: told how it goes.
        captures: a folder of ARKit or Live Link Face CSVs, each with an audio file of the same
            name, to learn from instead of English speech.
        start: an encoder to begin with; one that knows nothing unless given.
        workers: processes that make what it hears, and that its networks learn in. With one
            they learn here, which differs by rounding.

    Raises:
        envs.speech.corpus.CorpusError: the recorded prompts are not installed.
        envs.speech.SynthesisError: a voice is not installed.
        policies.training.speech.takes.CaptureError: `captures` holds none.
        envs.speech.TableError, envs.speech.AudioError: a capture cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if captures is None:
        encoder = listen(recipe, seed, folder, workers, workers, progress)
        unseen = prompt_takes("validation", progress)
        encoder.thresholds.copy_(chosen_thresholds(encoder, unseen, progress))
    else:
        unseen = capture_takes(captures)
        heard = captured_hearings(unseen, recipe.capture_copies, seed)
        encoder = start if start is not None else fresh_encoder(heard, seed)
        fit_each(encoder, heard, recipe.watching, seed, folder, workers, progress)
    return encoder, encoder_errors(encoder, unseen)


def listen(
    recipe: SpeechTraining, seed: int, folder: Path, makers: int, learners: int, progress: Progress
) -> SpeechEncoder:
    """Fit an encoder to English speech, all but its thresholds; see `train_encoder`.

    Args:
        recipe, seed, folder, progress: as there.
        makers: processes that make what it hears.
        learners: processes that its networks learn in.
    """
    heard = spoken_hearings(recipe, seed, folder, makers, progress)
    encoder = fresh_encoder(heard, seed)
    fit_each(encoder, heard, recipe.listening, seed, folder, learners, progress)
    return encoder


def fresh_encoder(heard: Hearings, seed: int) -> SpeechEncoder:
    """An encoder that knows nothing but how loud each band is, and is in speech."""
    torch.manual_seed(seed)
    encoder = SpeechEncoder()
    some = heard.heard[:: max(1, len(heard.heard) // 100_000)].astype(np.float32)
    voiced = some[some[:, -1] >= VOICED_LOUDNESS, :N_BANDS]
    for network in encoder.networks:
        network.heard_mean.copy_(torch.from_numpy(some.mean(axis=0)))
        network.heard_scale.copy_(torch.from_numpy(some.std(axis=0) + 1e-3))
        if len(voiced):
            network.voiced_mean.copy_(torch.from_numpy(voiced.mean(axis=0)))
    return encoder


class Listener(nn.Module):
    """A network that is also asked which sounds are said.

    Args:
        network: what learns; it alone is kept.
    """

    def __init__(self, network: SpeechNetwork) -> None:
        super().__init__()
        self._network = network
        self._sounds = nn.Linear(network.width, len(HORIZONS) * len(SOUNDS))

    def forward(self, heard: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Shapes and contacts as `SpeechNetwork.forward`, and logits (b, n, 4, sounds) of which
        sound is said at the moments of the shapes."""
        found = self._network.understood(heard)
        sounds = self._sounds(found).unflatten(2, (len(HORIZONS), len(SOUNDS)))
        return *self._network.told(found), sounds


def fit_each(
    encoder: SpeechEncoder,
    hearings: Hearings,
    lessons: Lessons,
    seed: int,
    folder: Path,
    workers: int,
    progress: Progress,
) -> None:
    """Fit every network of an encoder, so many at a time; see `fit`."""
    tasks = [
        partial(fit, network, hearings, lessons, (seed, number), folder)
        for number, network in enumerate(encoder.networks, start=1)
    ]
    if workers > 1:
        epochs = sum(lessons.cycles)
        done = [epochs_done(_state_path(folder, number)) for number in range(1, len(tasks) + 1)]
        left = [task for task, count in zip(tasks, done, strict=True) if count < epochs]
        side_by_side(left, workers, progress)
    # Those that learned elsewhere have left their last states, with which nothing is left to do.
    for task in tasks:
        task(progress)


def fit(
    network: SpeechNetwork,
    hearings: Hearings,
    lessons: Lessons,
    seed: tuple[int, int],
    folder: Path,
    progress: Progress,
) -> None:
    """Fit a network to what was heard, and leave it in evaluation mode.

    Args:
        network: what learns.
        hearings: what it hears.
        lessons: how long, and what counts.
        seed: the run's, and the network's number.
        folder: for its state after each epoch, `speech-N.state.pt`, and logs.
        progress: told how it goes.
    """
    device = best_device()
    name = f"speech-{seed[1]}"
    torch.manual_seed(_number(seed, 0))
    listener = Listener(network).to(device)
    crops = Crops(hearings)
    begin = dict(zip(accumulate((0, *lessons.cycles)), lessons.cycles, strict=False))
    optimiser, schedule = _cycle(listener, lessons, begin[0])
    state = _state_path(folder, seed[1])
    done = resume(state, listener, optimiser, schedule)
    epochs = sum(lessons.cycles)
    with SummaryWriter(str(folder / "logs" / name)) as log:
        for epoch in range(done, epochs):
            if epoch in begin:
                optimiser, schedule = _cycle(listener, lessons, begin[epoch])
            torch.manual_seed(_number(seed, epoch + 1))
            rng = np.random.default_rng([*seed, epoch + 1])
            listener.train()
            title = f"speech network {seed[1]}, epoch {epoch + 1} of {epochs}"
            for step in progress(range(lessons.steps), lessons.steps, title):
                terms = _loss_terms(listener, crops.draw(lessons.batch, rng).to(device), lessons)
                optimiser.zero_grad()
                torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(listener.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                if step % 20 == 0:
                    for name, term in terms.items():
                        log.add_scalar(name, term.item(), epoch * lessons.steps + step)
            save_state(state, epoch + 1, listener, optimiser, schedule)
    network.cpu().eval()


def _state_path(folder: Path, number: int) -> Path:
    return folder / f"speech-{number}.state.pt"


def _number(seed: tuple[int, int], epoch: int) -> int:
    """A seed of PyTorch's own for an epoch."""
    return int(np.random.SeedSequence([*seed, epoch]).generate_state(1)[0])


def _cycle(
    listener: Listener, lessons: Lessons, epochs: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """What moves the weights in a cycle, in which the learning rate rises and falls once; each
    begins anew (Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR
    2017)."""
    optimiser = torch.optim.AdamW(
        listener.parameters(), lr=lessons.learning_rate, weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, lessons.learning_rate, epochs * lessons.steps, pct_start=0.15
    )
    return optimiser, schedule


@dataclass(frozen=True, eq=False)
class Batch:
    """heard (b, m, 41); shapes and their weights (b, n, 4, 4); contacts and their weights
    (b, n, 2, 13); sounds (b, n, 4)."""

    heard: Tensor
    shapes: Tensor
    shape_weights: Tensor
    contacts: Tensor
    contact_weights: Tensor
    sounds: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same elsewhere."""
        return Batch(*(tensor.to(device) for tensor in vars(self).values()))


class Crops:
    """Draws pieces of takes."""

    def __init__(self, hearings: Hearings) -> None:
        self._hearings = hearings
        lengths = np.diff(hearings.starts)
        self._chances = lengths / lengths.sum()

    def draw(self, count: int, rng: np.random.Generator) -> Batch:
        """So many pieces, each as somebody else might say it; one of eight begins where its take
        begins."""
        starts = self._hearings.starts
        takes = rng.choice(len(self._chances), count, p=self._chances)
        lengths = starts[takes + 1] - starts[takes]
        tempo = np.exp(rng.uniform(-TEMPO_LOG, TEMPO_LOG, count))[:, None]
        ahead = N_MOMENTS
        room = np.maximum(0.0, lengths - (CROP_FRAMES + ahead) * tempo[:, 0])
        offset = np.floor(rng.random(count) * room) * (rng.random(count) > 1 / 8)
        frames = offset[:, None] + tempo * np.arange(CROP_FRAMES + ahead)
        known = torch.from_numpy(frames < lengths[:, None])[..., None]
        place = starts[takes][:, None] + np.minimum(frames, lengths[:, None] - 1.001)
        columns = (
            self._hearings.heard,
            self._hearings.shapes,
            self._hearings.weights,
            self._hearings.contacts,
        )
        heard, shapes, weights, contacts = (_between(column, place) for column in columns)
        sounds = torch.from_numpy(self._hearings.sounds[place.astype(np.int64)].astype(np.int64))
        sounds = sounds[..., None].masked_fill(~known, UNKNOWN)
        plans = (CROP_FRAMES - 8) // STRIDE
        return Batch(
            somebody_else(heard[:, :CROP_FRAMES], rng),
            _moments(shapes, plans, HORIZONS).movedim(-1, -2),
            _moments(weights * known, plans, HORIZONS).movedim(-1, -2),
            _moments(contacts, plans, tuple(range(N_MOMENTS))),
            _moments(known.expand_as(contacts).float(), plans, tuple(range(N_MOMENTS))),
            _moments(sounds, plans, HORIZONS)[:, :, 0],
        )


def _between(column: Halves, place: NDArray[np.float64]) -> Tensor:
    """Rows (b, m, c) of a column (n, c) at places (b, m) between its frames."""
    first = place.astype(np.int64)
    share = torch.from_numpy((place - first).astype(np.float32))[..., None]
    before, after = (torch.from_numpy(column[first + k].astype(np.float32)) for k in (0, 1))
    return before + share * (after - before)


def _moments(columns: Tensor, plans: int, moments: tuple[int, ...]) -> Tensor:
    """Rows (b, m, c) of frames at the moments of plans: (b, n, c, moments)."""
    where = STRIDE * torch.arange(plans)[:, None] + torch.tensor(moments)
    return columns[:, where].movedim(-1, -2)


def _loss_terms(listener: Listener, batch: Batch, lessons: Lessons) -> dict[str, Tensor]:
    with quick_products(batch.heard.device):
        told = listener(batch.heard)
    shapes, contacts, sounds = (head.float() for head in told)
    off = nn.functional.smooth_l1_loss(shapes, batch.shapes, reduction="none", beta=0.3)
    unsure = nn.functional.binary_cross_entropy_with_logits(
        contacts, batch.contacts, reduction="none"
    )
    terms = {
        "shapes": (off * batch.shape_weights).sum() / batch.shape_weights.sum(),
        "contacts": lessons.contacts
        * (unsure * batch.contact_weights).sum()
        / batch.contact_weights.sum(),
    }
    if (batch.sounds != UNKNOWN).any():
        terms["sounds"] = lessons.sounds * nn.functional.cross_entropy(
            sounds.flatten(0, 2), batch.sounds.flatten(), ignore_index=UNKNOWN
        )
    return terms
