"""Changes to training images, batched and on device."""

from robustjax.augmentation.cropping import pad_and_crop
from robustjax.augmentation.resolution import blur_resolution

__all__ = ('blur_resolution', 'pad_and_crop')
