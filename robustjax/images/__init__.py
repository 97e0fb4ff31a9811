"""Operations on images that corruptions and augmentation share."""

from robustjax.images.filters import gaussian_blur

__all__ = ('gaussian_blur',)
