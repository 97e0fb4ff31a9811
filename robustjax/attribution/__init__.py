"""What each input or hidden state contributes to a classifier's scores."""

from robustjax.attribution.integrated_gradients import Attribution
from robustjax.attribution.integrated_gradients import binarize
from robustjax.attribution.integrated_gradients import check_affine
from robustjax.attribution.integrated_gradients import full_integrated_gradients
from robustjax.attribution.integrated_gradients import integrated_gradients
from robustjax.attribution.quadrature import RULES

__all__ = (
  'RULES',
  'Attribution',
  'binarize',
  'check_affine',
  'full_integrated_gradients',
  'integrated_gradients',
)
