"""Builders of generators and discriminators, by family.

Each family has a function `generator(image_shape, num_classes, latent_dim, width, seed)` and a function
`discriminator(image_shape, num_classes, width, seed)`, some with further options. They return Keras models for any image
shape: the generator maps float32 latents (batch, latent_dim) and int32 labels (batch,) to float32 images (batch,
*image_shape) in [-1, 1], the discriminator maps such images and labels to float32 logits (batch, 1). With a mapping from the
names of attributes to their numbers of values as `num_classes`, labels are (batch, attributes), and what is learned of each
value adds up; without classes (`num_classes=None`) networks take one input. `width` is the number of channels at full
resolution, which doubles with each halving, up to 8 times; `seed` determines the initial weights, and None leaves them to
Keras's global state.

`translation` has networks of images as well as latents, and of patches. `classifier` is no family: it holds the small
classifier of metrics and studies.
"""

from keras_ganaug.networks import autoencoder, classifier, dcgan, progressive, resnet, style, translation

__all__ = ["autoencoder", "classifier", "dcgan", "progressive", "resnet", "style", "translation"]
