"""How often lips touch in speech, and what to make of a voice that seems to do it more often.

p, b and m are about one sound in twelve in each of the five languages of the corpus, but to an
encoder that knows few voices some strangers' n, t and d look like them. So an opinion that is not
sure counts for less where there have been many contacts lately: it is believed only while there
were fewer likelier ones than speech usually has. The likeliest are believed however many they are,
but text that is full of p, b and m loses some of the others.
"""

from __future__ import annotations

from collections import deque
from typing import Final

SURE: Final = 0.35
"""Likelihood from which a contact is believed in any case; chosen, on prompts and on text that is
full of p, b and m."""
MOST_PER_S: Final = 1.55
"""Likelier contacts per second of open lips above which one that is not sure is not believed. p, b
and m are 8 to 9 of 100 sounds in the recorded prompts of five languages (`liptwin evaluate`,
`events`), about one a second; chosen above that, so that few true ones are lost."""
ALLOWANCE: Final = 0.5
"""So many more are believed, for speech that has only begun."""
MEMORY_S: Final = 6.0
"""For how long contacts are remembered: some sentences; chosen, 4 to 10 s do as well."""


class UsualRate:
    """What is remembered of the contacts of one kind.

    Args:
        fps: frames per second.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._speaking: deque[bool] = deque(maxlen=round(MEMORY_S * fps))
        self._contacts: deque[list[float]] = deque(maxlen=round(MEMORY_S * fps))

    def go_on(self, speaking: bool) -> None:
        """A frame later, in which somebody speaks or not."""
        self._speaking.append(speaking)
        self._contacts.append([])

    def believes(self, likelihood: float) -> bool:
        """Whether a contact that is so likely, 0 to 1, is one."""
        likelier = sum(other > likelihood for some in self._contacts for other in some)
        usual = ALLOWANCE + MOST_PER_S * sum(self._speaking) / self._fps
        return likelihood >= SURE or likelier < usual

    def remember(self, likelihood: float) -> None:
        """A contact seemed so likely, whether it was believed or not."""
        self._contacts[-1].append(likelihood)
