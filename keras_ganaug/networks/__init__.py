"""Builders of generators and discriminators, by family.

Each family has a function `generator(image_shape, num_classes, latent_dim, width, seed)` and a function
`discriminator(image_shape, num_classes, width, seed)`, some with further options. They return Keras models for any image
shape. The generator maps float32 latents (batch, latent_dim) and int32 labels (batch,) to float32 images (batch,
*image_shape) in [-1, 1]. The discriminator maps such images and labels to float32 logits (batch, 1).

If `num_classes` is a mapping from attribute name to number of values, labels are (batch, attributes), and the embeddings of
their values are summed. Without classes (`num_classes=None`), networks have one input. `width` is the number of channels at
full resolution. It doubles each time the resolution is halved, up to 8 times. `seed` determines the initial weights; with
None they depend on Keras's global state.

`translation` has a generator that also takes images, and a discriminator of patches. `resnext` has residual networks without
normalisation. `classifier` holds the small classifier of metrics and studies.
"""

from keras_ganaug.networks import autoencoder, classifier, dcgan, progressive, resnet, resnext, style, translation

__all__ = ["autoencoder", "classifier", "dcgan", "progressive", "resnet", "resnext", "style", "translation"]
