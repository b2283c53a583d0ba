"""The train steps of SNGAN, StyleGAN and StarGAN as a Keras user writes them after keras.io's guides.

The networks are copies of the package's, with Keras's own layers where it has them: `SpectralNormalization`, and
`UpSampling2D` before an ordinary convolution. Steps draw latents from TensorFlow's generator, and each pass through the
discriminator has its own power iteration, as Keras's layer does it.
"""

import keras
import tensorflow as tf

from keras_ganaug import layers

LATENTS = {"SNGAN": 128, "StyleGAN": 128, "StarGAN": 8}


def own_layer(layer):
    """The Keras layers that do what a layer of the package does, or a copy of it."""
    if isinstance(layer, layers.SpectralNormalization):
        inner = layer.layer
        return keras.layers.SpectralNormalization(type(inner).from_config(inner.get_config()), dtype=inner.dtype_policy)
    if isinstance(layer, layers.UpsampleConv2D):
        config = {**layer.get_config(), "kernel_size": 3, "padding": "same"}
        upsample = keras.layers.UpSampling2D(2, dtype=layer.dtype_policy)
        return keras.Sequential([upsample, keras.layers.Conv2D.from_config(config)], name=f"{layer.name}_parts")
    if isinstance(layer, layers.Upsample):
        return keras.layers.UpSampling2D(2, dtype=layer.dtype_policy)
    return type(layer).from_config(layer.get_config())


def copy_of(network):
    """A network of Keras's own layers."""
    return keras.models.clone_model(network, clone_function=own_layer, recursive=True)


class Textbook(keras.Model):
    """A GAN whose `train_step` is that of keras.io's guide, with an averaged generator.

    Args:
        gan: A compiled GAN of the package, whose networks and optimizers are copied.
    """

    def __init__(self, gan):
        super().__init__()
        self.kind = type(gan).__name__
        self.generator, self.discriminator = copy_of(gan.generator), copy_of(gan.discriminator)
        self.averaged = keras.models.clone_model(self.generator)
        self.latents, self.shape = LATENTS[self.kind], gan.image_shape
        self.adams = {
            name: keras.optimizers.Adam.from_config(getattr(gan, f"{name}_optimizer").get_config()) for name in ("d", "g")
        }
        self.adams["d"].build(self.discriminator.trainable_variables)
        self.adams["g"].build(self.generator.trainable_variables)
        self.steps = self.add_weight(name="steps", shape=(), dtype="int32", initializer="zeros", trainable=False)

    def drawn(self, labels, images):
        """Generated images and their labels."""
        latents = tf.random.normal([labels.shape[0], self.latents])
        if self.kind == "StarGAN":
            domains = tf.random.shuffle(labels)
            return self.generator([images, latents, domains], training=True), domains
        return self.generator([latents, labels], training=True), labels

    def d_loss(self, images, labels):
        fakes, domains = self.drawn(labels, images)
        fakes = tf.stop_gradient(fakes)
        real = self.discriminator([images, labels], training=True)
        fake = self.discriminator([fakes, domains], training=True)
        if self.kind == "StyleGAN":
            return tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))
        return tf.reduce_mean(tf.nn.relu(1 - real)) + tf.reduce_mean(tf.nn.relu(1 + fake))

    def r1(self, images, labels):
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = tf.reduce_sum(self.discriminator([images, labels], training=True))
        return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(tape.gradient(logits, images)), axis=[1, 2, 3]))

    def g_loss(self, images, labels):
        fakes, domains = self.drawn(labels, images)
        logits = self.discriminator([fakes, domains], training=True)
        if self.kind == "StyleGAN":
            return tf.reduce_mean(tf.nn.softplus(-logits))
        loss = -tf.reduce_mean(logits)
        if self.kind == "StarGAN":
            back, same = (
                self.generator([each, tf.random.normal([labels.shape[0], self.latents]), labels], training=True)
                for each in (fakes, images)
            )
            loss += 4 * tf.reduce_mean(tf.abs(images - back)) + tf.reduce_mean(tf.abs(images - same))
        return loss

    def train_step(self, data):
        images, labels = data
        images = tf.cast(images, tf.float32) / 127.5 - 1.0
        labels = tf.cast(labels, tf.int32)
        losses = {}
        for name, network in (("d", self.discriminator), ("g", self.generator)):
            with tf.GradientTape() as tape:
                loss = self.d_loss(images, labels) if name == "d" else self.g_loss(images, labels)
                if name == "d" and self.kind == "StyleGAN":
                    due = tf.equal(self.steps % 16, 0)
                    loss += tf.cond(due, lambda: 160.0 * self.r1(images, labels), lambda: tf.constant(0.0))
            weights = network.trainable_variables
            self.adams[name].apply_gradients(zip(tape.gradient(loss, weights), weights))
            losses[f"{name}_loss"] = loss
        for average, weight in zip(self.averaged.weights, self.generator.weights):
            if average.dtype == "float32":
                average.assign(0.999 * average + 0.001 * weight)
        self.steps.assign_add(1)
        return losses
