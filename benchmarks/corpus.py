"""How many of the recorded prompts two aligners agree on, and by how much.

Run it with: .venv/bin/python -m benchmarks.corpus
"""

import argparse
import time

from benchmarks.score_rows import markdown
from envs.speech.corpus import PROMPTS, align_corpus, read_prompts, summarise
from liptwin.progress import tracked

COLUMNS = (
    "language",
    "prompts",
    "left out",
    "aligned",
    "dropped",
    "disagreement, ms: quartiles",
    "minutes kept",
)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "none"


def main() -> None:
    """Print a table in markdown, and what it took."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    began_s = time.monotonic()
    print(markdown(*COLUMNS))
    print("|---" * len(COLUMNS) + "|")
    for language in PROMPTS:
        corpus = read_prompts(language)
        found = summarise(corpus, align_corpus(corpus, progress=tracked))
        quartiles = ", ".join(f"{quartile:.0f}" for quartile in found.quartiles_ms or ())
        cells = (
            str(found.recordings),
            _counts(found.left_out),
            f"{found.share:.1%}",
            _counts(found.dropped),
            quartiles,
            f"{found.kept_s / 60:.1f} of {found.total_s / 60:.1f}",
        )
        print(markdown(language, *cells))
    print(f"\n{(time.monotonic() - began_s) / 60:.1f} minutes, less what was aligned before")


if __name__ == "__main__":
    main()
