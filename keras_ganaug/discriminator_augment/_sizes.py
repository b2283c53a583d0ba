"""What augmentations have to know of the images."""

import tensorflow as tf


def check(images, of):
    """Images as a tensor, checked: of four axes, and but for the batch of a size that is known when a graph is made.

    Args:
        images: Float images, or what makes a tensor of them.
        of: Name of the augmentation.
    """
    images = tf.convert_to_tensor(images)
    if images.shape.rank != 4 or None in images.shape[1:]:
        raise ValueError(
            f"`images` of {of} must have the shape (batch, height, width, channels), where all but the batch is known when "
            "a graph is made: images of one size, told by `tf.ensure_shape` or `tf.image.resize`. "
            f"Received: shape {images.shape}"
        )
    return images
