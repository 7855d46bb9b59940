"""Find faces with MediaPipe: `.venv-detector/bin/python detect.py LANDMARKS.npy PICTURE...`.

It runs in the detector's own environment, so it knows nothing of LipTwin. LANDMARKS.npy becomes a
float array (pictures, 468, 2), x right and y down in pixels; NaN where no face was found.
"""

import sys
from pathlib import Path

import mediapipe as mp
import numpy as np
from numpy.typing import NDArray
from PIL import Image

N_POINTS = 468


def detect(pictures: list[Path]) -> NDArray[np.float64]:
    """Face-mesh points (pictures, 468, 2) in pixels, each picture seen on its own."""
    found = np.full((len(pictures), N_POINTS, 2), np.nan)
    with mp.solutions.face_mesh.FaceMesh(
        static_image_mode=True, max_num_faces=1, refine_landmarks=False
    ) as mesh:
        for points, path in zip(found, pictures, strict=True):
            picture = np.asarray(Image.open(path).convert("RGB"))
            faces = mesh.process(picture).multi_face_landmarks
            if faces:
                height, width = picture.shape[:2]
                points[:] = [(p.x * width, p.y * height) for p in faces[0].landmark]
    return found


if __name__ == "__main__":
    np.save(sys.argv[1], detect([Path(name) for name in sys.argv[2:]]))
