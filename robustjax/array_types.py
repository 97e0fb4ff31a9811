"""Type aliases, and the letters that name axes throughout the library.

Shapes are written in brackets after an argument, with one letter per axis:

  B  batch            K  size of a hidden state     C  classes or channels
  H  height           W  width                      N  images in a data set

Images are [B, H, W, C]. Where an axis of classes and one of channels meet, the
docstring says which is which.
"""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import chex
import jax
import numpy as np

Array = chex.Array
ArrayLike = chex.Numeric  # an array or a number
Key = chex.PRNGKey
PyTree = chex.ArrayTree
Parameters = Mapping[str, Any]
Predict = Callable[[Array], Array]  # images [B, H, W, C] -> logits [B, C]


def at_least_float32(dtype: Any) -> np.dtype:
  """float64 for float64 where JAX has it, else float32."""
  dtype = jax.dtypes.canonicalize_dtype(dtype)
  return dtype if dtype == np.float64 else np.dtype(np.float32)
