"""What `transfer.py` compares a generator with where classes are gone or elsewhere: arms that keep no image."""

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug.metrics.classifier import adam_with_cosine_decay, logits_of

TEMPERATURE = 2.0


def distillation(data, teacher, old, num_classes, weight=1.0):
    """Learning without Forgetting (Li and Hoiem 2016): the old classes keep the logits that the teacher gives new images.

    Returns the data with these logits beside the one-hot labels, and the loss.
    """
    old = list(old)

    def with_logits(images, labels):
        logits = tf.gather(teacher(tf.cast(images, tf.float32), training=False), old, axis=1)
        return images, tf.concat([tf.one_hot(labels, num_classes), logits], 1)

    def loss(targets, logits):
        learned = tf.nn.softmax_cross_entropy_with_logits(targets[:, :num_classes], logits)
        soft = tf.nn.softmax(targets[:, num_classes:] / TEMPERATURE)
        kept = tf.nn.softmax_cross_entropy_with_logits(soft, tf.gather(logits, old, axis=1) / TEMPERATURE)
        return learned + weight * TEMPERATURE**2 * kept

    return data.map(with_logits, num_parallel_calls=tf.data.AUTOTUNE), loss


def elastic(model, images, labels, data, steps, weight, samples=1000):
    """Elastic weight consolidation (Kirkpatrick et al. 2017): trains on, held to where Fisher's information is large.

    Args:
        model: The classifier after the first task; it is trained in place.
        images, labels: Of the first task.
        data: Batches of the second.
        steps: How many.
        weight: λ.
        samples: Images that the diagonal of Fisher's information is estimated from. Defaults to 1000.
    """
    weights = model.trainable_variables
    variables = [getattr(weight, "value", weight) for weight in weights]
    anchors = [tf.identity(variable) for variable in variables]

    @tf.function
    def squared(image, label):
        with tf.GradientTape() as tape:
            tape.watch(variables)
            loss = keras.losses.sparse_categorical_crossentropy(label, model(image, training=False), from_logits=True)
        return [tf.square(gradient) for gradient in tape.gradient(loss, variables)]

    rows = np.random.default_rng(0).choice(len(labels), min(samples, len(labels)), replace=False)
    information = [tf.zeros_like(anchor) for anchor in anchors]
    for row in rows:
        given = tf.constant(images[row : row + 1], tf.float32), tf.constant(labels[row : row + 1])
        information = [total + part / len(rows) for total, part in zip(information, squared(*given))]
    optimizer = adam_with_cosine_decay(steps)
    optimizer.build(weights)

    @tf.function
    def step(images, labels):
        with tf.GradientTape() as tape:
            logits = model(tf.cast(images, tf.float32), training=True)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True))
            held = zip(information, variables, anchors)
            loss += weight / 2 * tf.add_n([tf.reduce_sum(part * tf.square(now - then)) for part, now, then in held])
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), weights))

    for batch in data.take(steps):
        step(*batch)
    return model


def random_features(image_shape, seed, width=64):
    """A fixed network of random convolutions: images to feature vectors."""
    init = keras.initializers.HeNormal
    return keras.Sequential(
        [
            keras.Input(image_shape),
            keras.layers.Rescaling(1 / 127.5, -1.0),
            keras.layers.Conv2D(width, 5, padding="same", activation="relu", kernel_initializer=init(seed)),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer=init(seed + 1)),
            keras.layers.MaxPooling2D(4, padding="same"),
            keras.layers.Flatten(),
        ]
    )


def class_means(features, labels, test, num_classes):
    """The nearest class mean: logits of test features."""
    means = np.stack([features[labels == c].mean(0) for c in range(num_classes)])
    return -((test[:, None] - means[None]) ** 2).sum(-1)


def discriminant(features, labels, test, num_classes, shrinkage=0.1):
    """Linear discriminant analysis of class means and the covariance that classes share: what sites may send."""
    means = np.stack([features[labels == c].mean(0) for c in range(num_classes)])
    centred = features - means[labels]
    covariance = centred.T @ centred / len(features)
    covariance = (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    weights = np.linalg.solve(covariance, means.T)
    return test @ weights - 0.5 * (means.T * weights).sum(0)


def features_of(network, images):
    return logits_of(network, images).astype(np.float64)


def variational_autoencoder(images, labels, num_classes, steps, seed, latent_dim, units=400, batch_size=64):
    """A conditional variational autoencoder (Sohn et al. 2015): its decoder, from `[latents, labels]` to [-1, 1]."""
    keras.utils.set_random_seed(seed)
    shape, size = images.shape[1:], int(np.prod(images.shape[1:]))
    given, label = keras.Input(shape), keras.Input((), dtype="int32")
    one_hot = keras.layers.CategoryEncoding(num_classes, output_mode="one_hot")(keras.layers.Reshape((1,))(label))
    x = keras.layers.Concatenate()([keras.layers.Flatten()(given), one_hot])
    x = keras.layers.Dense(units, activation="relu")(keras.layers.Dense(units, activation="relu")(x))
    encoder = keras.Model([given, label], keras.layers.Dense(2 * latent_dim)(x))
    latents = keras.Input((latent_dim,))
    one_hot = keras.layers.CategoryEncoding(num_classes, output_mode="one_hot")(keras.layers.Reshape((1,))(label))
    x = keras.layers.Concatenate()([latents, one_hot])
    x = keras.layers.Dense(units, activation="relu")(keras.layers.Dense(units, activation="relu")(x))
    outputs = keras.layers.Reshape(shape)(keras.layers.Dense(size, activation="tanh")(x))
    decoder = keras.Model([latents, label], outputs)
    weights = encoder.trainable_variables + decoder.trainable_variables
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(weights)

    @tf.function
    def step(images, labels):
        images = tf.cast(images, tf.float32) / 127.5 - 1
        with tf.GradientTape() as tape:
            mean, log_variance = tf.split(encoder([images, labels], training=True), 2, axis=1)
            drawn = mean + tf.exp(log_variance / 2) * tf.random.normal(tf.shape(mean))
            error = tf.reduce_sum(tf.square(decoder([drawn, labels], training=True) - images), [1, 2, 3])
            divergence = 0.5 * tf.reduce_sum(tf.exp(log_variance) + tf.square(mean) - 1 - log_variance, 1)
            loss = tf.reduce_mean(2 * error + divergence)
        variables = [getattr(weight, "value", weight) for weight in weights]
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), weights))

    data = tf.data.Dataset.from_tensor_slices((images, labels.astype(np.int32)))
    for batch in data.shuffle(len(images), seed=seed).repeat().batch(batch_size).take(steps):
        step(*batch)
    return decoder
