"""The 40 lip landmarks, in MediaPipe's topology and order.

Indices are those of MediaPipe Face Mesh (468 points): the outer contour from the middle of the
upper lip over the left corner, the lower lip and the right corner, then the inner contour from
the right corner over the upper lip, the left corner and the lower lip.
"""

from typing import Final

OUTER: Final = (
    0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146, 61, 185, 40, 39, 37,
)  # fmt: skip
INNER: Final = (
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,
)  # fmt: skip
LIP_LANDMARKS: Final = OUTER + INNER
"""MediaPipe index of each row of a (40, 3) landmark array."""
N_LANDMARKS: Final = len(LIP_LANDMARKS)

ROW: Final = {index: row for row, index in enumerate(LIP_LANDMARKS)}
"""Row of a MediaPipe index."""

INNER_PAIRS: Final = tuple(
    (ROW[upper], ROW[lower])
    for upper, lower in (
        (191, 95), (80, 88), (81, 178), (82, 87), (13, 14), (312, 317), (311, 402), (310, 318),
        (415, 324),
    )
)  # fmt: skip
"""Rows of upper and lower inner landmarks that face each other, right to left."""

REGIONS: Final = {
    "outer upper": tuple(ROW[i] for i in (0, 267, 269, 270, 409, 185, 40, 39, 37)),
    "outer lower": tuple(ROW[i] for i in (375, 321, 405, 314, 17, 84, 181, 91, 146)),
    "inner upper": tuple(ROW[i] for i in (191, 80, 81, 82, 13, 312, 311, 310, 415)),
    "inner lower": tuple(ROW[i] for i in (324, 318, 402, 317, 14, 87, 178, 88, 95)),
    "corners": tuple(ROW[i] for i in (291, 61, 78, 308)),
}
"""Rows by region of the lips."""
