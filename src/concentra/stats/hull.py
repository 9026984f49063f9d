"""The region of a cloud of draws in two dimensions, in the cloud's own shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import ConvexHull

from concentra.errors import ArgumentError
from concentra.stats._checks import Floats, between


def central_hull(draws: ArrayLike, *, level: float = 0.95) -> Floats:
    """The convex hull of the draws nearest to their mean: corners (M, 2), counter-clockwise, not closed.

    Nearness is the Mahalanobis distance; the nearest share `level` of the draws is kept. Unlike an ellipse it follows
    a skewed cloud. Empty where the draws do not span a plane.

    Parameters
    ----------
    draws
        Shape (B, 2); draws with a missing value are left out.
    level
        Share of the draws within, between 0 and 1.

    References
    ----------
    Rousseeuw, Ruts & Tukey 1999, The American Statistician 53:382 (bags of a cloud, there by halfspace depth).

    Examples
    --------
    >>> square = [[0, 0], [1, 0], [1, 1], [0, 1]]
    >>> central_hull(square, level=0.99).tolist()
    [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    """
    points = np.asarray(draws, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ArgumentError(
            found=f"draws of shape {points.shape}",
            expected="shape (B, 2)",
            fix="stack the two metrics as columns",
        )
    between(level, 0, 1, "level")
    points = points[~np.isnan(points).any(axis=1)]
    if len(points) < 3:
        return np.empty((0, 2))
    centred = points - points.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    if sizes[1] <= 1e-9 * sizes[0]:
        return np.empty((0, 2))
    distance = ((centred @ axes.T / sizes) ** 2).sum(axis=1)
    kept = points[np.argsort(distance, kind="stable")[: max(3, int(np.ceil(level * len(points))))]]
    corners = kept[ConvexHull(kept).vertices]
    first = np.lexsort((corners[:, 1], corners[:, 0]))[0]
    return np.roll(corners, -first, axis=0)
