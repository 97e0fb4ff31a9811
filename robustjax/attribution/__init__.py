"""What each input or hidden state contributes to a classifier's scores."""

from robustjax.attribution.amplification import Amplification
from robustjax.attribution.amplification import amplification
from robustjax.attribution.amplification import importance_correlation
from robustjax.attribution.amplification import rank_correlation
from robustjax.attribution.fig_loss import fig_loss
from robustjax.attribution.fig_loss import fig_targets
from robustjax.attribution.fig_loss import REDUCTIONS
from robustjax.attribution.fig_loss import SCORES
from robustjax.attribution.grad_cam import background_share
from robustjax.attribution.grad_cam import grad_cam
from robustjax.attribution.integrated_gradients import Attribution
from robustjax.attribution.integrated_gradients import binarize
from robustjax.attribution.integrated_gradients import check_affine
from robustjax.attribution.integrated_gradients import full_integrated_gradients
from robustjax.attribution.integrated_gradients import integrated_gradients
from robustjax.attribution.quadrature import RULES

__all__ = (
  'REDUCTIONS',
  'RULES',
  'SCORES',
  'Amplification',
  'Attribution',
  'amplification',
  'background_share',
  'binarize',
  'check_affine',
  'fig_loss',
  'fig_targets',
  'full_integrated_gradients',
  'grad_cam',
  'importance_correlation',
  'integrated_gradients',
  'rank_correlation',
)
