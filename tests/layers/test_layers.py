"""Layers against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ganaug import layers
from keras_ganaug.layers.minibatch_stddev import class_groups
from keras_ganaug.layers.spectral_normalization import power_iteration_once

RNG = np.random.default_rng(0)


def matrix_of(kernel, transposed=False):
    kernel = np.asarray(kernel)
    kernel = np.swapaxes(kernel, -1, -2) if transposed else kernel
    return kernel.reshape(-1, kernel.shape[-1])


@pytest.mark.parametrize(
    ("inner", "shape"),
    [
        (lambda: keras.layers.Dense(5), (4, 7)),
        (lambda: keras.layers.Conv2D(5, 3), (2, 6, 6, 3)),
        (lambda: keras.layers.Conv2DTranspose(5, 4, strides=2), (2, 6, 6, 3)),
        (lambda: keras.layers.DepthwiseConv2D(3), (2, 6, 6, 3)),
        (lambda: keras.layers.Embedding(9, 5), (4,)),
    ],
)
def test_spectral_norm_is_the_largest_singular_value(inner, shape):
    layer = layers.SpectralNormalization(inner(), power_iterations=200)
    is_embedding = len(shape) == 1
    x = RNG.integers(0, 9, shape) if is_embedding else RNG.normal(size=shape).astype("float32")
    layer(x, training=True)
    transposed = isinstance(layer.layer, keras.layers.Conv2DTranspose)
    kernel = getattr(layer.layer, layer.kernel_name)
    sigma = np.linalg.svd(matrix_of(kernel, transposed), compute_uv=False)[0]
    np.testing.assert_allclose(layer.sigma(), sigma, rtol=1e-4)
    # The wrapped layer computes with W / σ: linear without its bias.
    np.testing.assert_allclose(layer(x), np.asarray(layer.layer(x)) / sigma, rtol=1e-3, atol=1e-5)


def test_spectral_norm_keeps_bias_and_activation():
    layer = layers.SpectralNormalization(
        keras.layers.Dense(4, activation="relu", bias_initializer=keras.initializers.Constant(0.3)),
        power_iterations=100,
    )
    x = RNG.normal(size=[6, 5]).astype("float32")
    layer(x, training=True)
    kernel = np.asarray(layer.layer.kernel)
    expected = np.maximum(0, x @ kernel / np.linalg.norm(kernel, 2) + 0.3)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_spectral_norm_has_a_gradient_through_sigma():
    layer = layers.SpectralNormalization(keras.layers.Dense(3, use_bias=False), power_iterations=300)
    x, c = RNG.normal(size=[4, 5]).astype("float32"), RNG.normal(size=[4, 3])
    layer(x, training=True)
    weight = layer.layer.kernel
    start = np.asarray(weight, np.float64)

    def loss(kernel):
        return (c * (x @ (kernel / np.linalg.norm(kernel, 2)))).sum()

    numeric = np.zeros_like(start)
    for index in np.ndindex(*start.shape):
        step = np.zeros_like(start)
        step[index] = 1e-5
        numeric[index] = (loss(start + step) - loss(start - step)) / 2e-5
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(tf.cast(c, tf.float32) * layer(x))
    (gradient,) = tape.gradient(value, [getattr(weight, "_value", weight)])
    np.testing.assert_allclose(gradient, numeric, rtol=1e-3, atol=1e-4)


def test_spectral_norm_never_assigns_the_kernel_and_iterates_once_a_step():
    layer = layers.SpectralNormalization(keras.layers.Dense(6, use_bias=False))
    model = keras.Sequential([keras.Input((5,)), layer])
    x = RNG.normal(size=[4, 5]).astype("float32")
    kernel = np.asarray(layer.layer.kernel).copy()
    layer.u.assign(np.eye(6)[0].astype("float32"))
    with power_iteration_once(model):
        v = kernel @ np.eye(6)[0]
        u = kernel.T @ (v / np.linalg.norm(v))
        np.testing.assert_allclose(layer.u, u / np.linalg.norm(u), rtol=1e-5, atol=1e-6)
        first, second = model(x, training=True), model(x, training=True)
        np.testing.assert_array_equal(first, second)  # real and fake images meet the same weights
        np.testing.assert_allclose(layer.u, u / np.linalg.norm(u), rtol=1e-5, atol=1e-6)
    before = np.asarray(layer.u).copy()
    model(x, training=False)
    np.testing.assert_array_equal(layer.u, before)
    model(x, training=True)
    assert np.abs(np.asarray(layer.u) - before).max() > 1e-6
    np.testing.assert_array_equal(layer.layer.kernel, kernel)


def test_spectral_norm_starts_near_its_value():
    layer = layers.SpectralNormalization(keras.layers.Dense(64))
    layer(np.ones([1, 32], "float32"))
    assert float(layer.sigma()) > 0.95 * np.linalg.norm(np.asarray(layer.layer.kernel), 2)


def test_spectral_norm_measures_in_float32_under_mixed_precision(mixed_bfloat16):
    layer = layers.SpectralNormalization(keras.layers.Dense(6), power_iterations=200)
    output = layer(np.ones([2, 5], "float32"), training=True)
    assert output.dtype == "bfloat16"
    np.testing.assert_allclose(layer.sigma(), np.linalg.norm(np.asarray(layer.layer.kernel, "float32"), 2), rtol=1e-5)


def test_conditional_batch_normalization():
    x = RNG.normal(2.0, 3.0, [8, 4, 3, 5]).astype("float32")
    labels = np.arange(8, dtype="int32") % 3
    layer = layers.ConditionalBatchNormalization(num_classes=3, momentum=0.8)
    layer([x, labels])
    gamma, beta = RNG.normal(size=[2, 3, 5]).astype("float32")
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))

    def normalised(mean, var):
        return (x - mean) / np.sqrt(var + 1e-5) * gamma[labels][:, None, None] + beta[labels][:, None, None]

    np.testing.assert_allclose(layer([x, labels], training=True), normalised(mean, var), rtol=1e-3, atol=1e-4)
    n = x[..., 0].size
    moving_mean, moving_var = 0.2 * mean, 0.8 + 0.2 * var * n / (n - 1)
    np.testing.assert_allclose(layer.moving_mean, moving_mean, rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, moving_var, rtol=1e-4)
    np.testing.assert_allclose(layer([x, labels]), normalised(moving_mean, moving_var), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(layer.moving_mean, moving_mean, rtol=1e-4)  # inference moves nothing


def test_batch_normalization_without_classes():
    x = RNG.normal(2.0, 3.0, [8, 4, 3, 5]).astype("float32")
    layer = layers.ConditionalBatchNormalization()
    expected = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(layer(x, training=True), expected, rtol=1e-3, atol=1e-4)


def test_projection():
    logits, features, embeddings = RNG.normal(size=[4, 1]), RNG.normal(size=[4, 6]), RNG.normal(size=[4, 6])
    output = layers.Projection()([v.astype("float32") for v in (logits, features, embeddings)])
    np.testing.assert_allclose(output, logits + (features * embeddings).sum(1, keepdims=True), rtol=1e-5)


def test_one_hot():
    np.testing.assert_array_equal(layers.OneHot(3)(np.array([2, 0])), [[0, 0, 1], [1, 0, 0]])


def test_one_hot_rows_of_several_attributes_stand_side_by_side():
    labels = np.array([[2, 0], [0, 1], [1, 1]], "int32")
    expected = np.hstack([np.eye(3)[labels[:, 0]], np.eye(2)[labels[:, 1]]])
    for sizes in ((3, 2), {"digit": 3, "style": 2}):
        layer = layers.OneHot(sizes)
        np.testing.assert_array_equal(layer(labels), expected)
        np.testing.assert_array_equal(tf.function(layer, jit_compile=True)(labels), expected)
    assert layer(keras.Input((2,), dtype="int32")).shape == (None, 5)
    assert layers.OneHot([3]).compute_output_shape((None, 1)) == (None, 3)  # one attribute is a column of its own
    for wrong in (0, [3, 0], [], "3", {}):
        with pytest.raises(ValueError, match="`num_classes` must be"):
            layers.OneHot(wrong)


@pytest.mark.parametrize("training", [True, False])
def test_conditional_batch_normalization_adds_the_rows_of_several_attributes(training):
    x = RNG.normal(2.0, 3.0, [8, 4, 3, 5]).astype("float32")
    labels = np.stack([np.arange(8) % 3, np.arange(8) // 4], 1).astype("int32")
    plain = layers.ConditionalBatchNormalization()
    layer = layers.ConditionalBatchNormalization({"digit": 3, "style": 2})
    np.testing.assert_allclose(layer([x, labels], training=training), plain(x, training=training), rtol=1e-5, atol=1e-6)
    gamma, beta = RNG.normal(size=[2, 5, 5]).astype("float32")
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    sums = [rows[labels[:, 0]] + rows[3 + labels[:, 1]] for rows in (gamma, beta)]
    normalised = plain(x, training=training).numpy()
    expected = normalised * sums[0][:, None, None] + sums[1][:, None, None]
    np.testing.assert_allclose(layer([x, labels], training=training), expected, rtol=1e-4, atol=1e-4)


def test_layers_of_several_attributes_are_saved(tmp_path):
    images, labels = keras.Input((4, 4, 2)), keras.Input((2,), dtype="int32")
    x = layers.ConditionalBatchNormalization({"digit": 3, "style": 2})([images, labels])
    x = keras.layers.Concatenate()([keras.layers.Flatten()(x), layers.OneHot([3, 2])(labels)])
    model = keras.Model([images, labels], x)
    model.save(tmp_path / "model.keras")
    values = [RNG.normal(size=[3, 4, 4, 2]).astype("float32"), np.array([[2, 1], [0, 0], [1, 1]], "int32")]
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(values), model(values))


def test_upsample():
    x = RNG.normal(size=[2, 3, 4, 5]).astype("float32")
    np.testing.assert_array_equal(layers.Upsample()(x), x.repeat(2, 1).repeat(2, 2))


def blurred(x):
    for axis in (1, 2):
        x = np.apply_along_axis(lambda row: np.convolve(row, [0.25, 0.5, 0.25], "same"), axis, x)
    return x


def test_blur():
    x = RNG.normal(size=[2, 5, 4, 3]).astype("float32")
    np.testing.assert_allclose(layers.Blur()(x), blurred(x), atol=1e-6)


def test_gradients_of_blur():
    layer, x = layers.Blur(), tf.constant(RNG.normal(size=[2, 5, 4, 3]), tf.float32)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            loss = tf.reduce_sum(layer(x) ** 2) / 2
        gradient = inner.gradient(loss, x)
        penalty = tf.reduce_sum(gradient**2) / 2
    np.testing.assert_allclose(gradient, blurred(blurred(x)), atol=1e-6)
    np.testing.assert_allclose(outer.gradient(penalty, x), blurred(blurred(blurred(blurred(x)))), atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        layers.SpectralNormalization(keras.layers.Dense(3), power_iterations=2),
        layers.ConditionalBatchNormalization(4, momentum=0.5, epsilon=1e-3),
        layers.Projection(),
        layers.ConditionalBatchNormalization({"digit": 4, "style": 2}),
        layers.OneHot(7),
        layers.OneHot([7, 2]),
        layers.AdaptiveGroupNormalization(4, epsilon=1e-5),
        layers.Upsample(),
        layers.Blur(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_config_round_trip(layer):
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def test_upsampling_convolution_is_repetition_and_convolution():
    x = RNG.normal(size=[2, 5, 3, 4]).astype("float32")
    layer = layers.UpsampleConv2D(6, bias_initializer="ones", activation="relu")
    result = layer(x)
    plain = keras.layers.Conv2D(6, 3, padding="same", activation="relu")
    doubled = x.repeat(2, 1).repeat(2, 2)
    plain(doubled)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(result, plain(doubled), atol=1e-5)
    again = layers.UpsampleConv2D.from_config(layer.get_config())
    again(x)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), result)


def test_spectral_norm_of_an_upsampling_convolution():
    x = RNG.normal(size=[2, 4, 4, 3]).astype("float32")
    layer = layers.SpectralNormalization(layers.UpsampleConv2D(5, use_bias=False), power_iterations=100)
    layer(x, training=True)
    sigma = np.linalg.norm(matrix_of(layer.layer.kernel), 2)
    np.testing.assert_allclose(layer(x), np.asarray(layer.layer(x)) / sigma, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("inner", [lambda: keras.layers.Dense(4), lambda: keras.layers.Conv2D(4, 3, padding="same")])
def test_equalized_layers_scale_a_standard_normal_kernel_by_hes_constant(inner):
    layer = layers.Equalized(inner(), gain=2.0**0.5, seed=1)
    x = RNG.normal(size=[3, 6, 6, 50]).astype("float32")
    layer(x)
    kernel = np.asarray(layer.layer.kernel)
    assert abs(kernel.std() - 1) < 0.1
    fan_in = np.prod(kernel.shape[:-1])
    plain = inner()
    plain(x)
    plain.set_weights([kernel * np.sqrt(2 / fan_in), np.full([4], 0.5, "float32")])
    layer.layer.bias.assign(np.full([4], 0.5, "float32"))
    np.testing.assert_allclose(layer(x), plain(x), rtol=1e-4, atol=1e-4)


def test_equalized_layers_with_a_slower_learning_rate_start_alike_and_learn_slower():
    x = RNG.normal(size=[4, 20]).astype("float32")
    moved = []
    for multiplier in (1.0, 0.01):
        layer = layers.Equalized(keras.layers.Dense(3), gain=1.0, lr_multiplier=multiplier, seed=1)
        start = np.asarray(layer(x))
        assert abs(start.std() - 1) < 0.5
        optimizer = keras.optimizers.Adam(1e-3)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x))
        weights = layer.trainable_variables
        gradients = tape.gradient(loss, [getattr(w, "_value", w) for w in weights])
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        moved.append(np.abs(np.asarray(layer(x)) - start).mean())
    np.testing.assert_allclose(moved[1] / moved[0], 0.01, rtol=0.05)


def test_pixel_normalization():
    x = RNG.normal(size=[2, 3, 3, 7]).astype("float32")
    expected = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-8)
    np.testing.assert_allclose(layers.PixelNormalization()(x), expected, rtol=1e-5)
    small = tf.cast(1e-3 * x, tf.float16)  # whose squares half precision cannot tell from 0
    result = layers.PixelNormalization(dtype="float16")(small)
    assert result.dtype == tf.float16
    np.testing.assert_allclose(result, expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(("batch", "size"), [(8, 4), (6, 3), (5, 1), (2, 2), (1, 1)])
def test_minibatch_stddev(batch, size):
    x = RNG.normal(size=[batch, 3, 2, 5]).astype("float32")
    groups = x.astype("float64").reshape(size, batch // size, 3, 2, 5)
    expected = np.sqrt(groups.var(0) + 1e-8).mean((1, 2, 3))
    result = layers.MinibatchStdDev(4)(x).numpy()
    np.testing.assert_array_equal(result[..., :5], x)
    for n in range(batch):
        np.testing.assert_allclose(result[n, ..., 5], expected[n % (batch // size)], rtol=1e-4)
    traced = tf.function(layers.MinibatchStdDev(4), input_signature=[tf.TensorSpec([None, 3, 2, 5])])
    np.testing.assert_allclose(traced(x), result, rtol=1e-5)


@pytest.mark.parametrize(("batch", "size"), [(32, 4), (6, 3), (5, 1)])
def test_class_groups_are_the_groups_of_the_minibatch_stddev(batch, size):
    labels = RNG.integers(0, 3, batch).astype("int32")
    order = class_groups(labels, 4).numpy()
    assert sorted(order) == list(range(batch))
    groups = labels[order].reshape(size, batch // size).T  # as the layer groups them
    np.testing.assert_array_equal(np.ravel(groups), np.sort(labels))
    traced = tf.function(class_groups, input_signature=[tf.TensorSpec([None], tf.int32)])
    np.testing.assert_array_equal(traced(labels), order)
    compiled = tf.function(class_groups, jit_compile=True)
    np.testing.assert_array_equal(compiled(labels), order)


def test_class_groups_show_the_minibatch_stddev_that_a_class_has_one_image():
    labels = np.repeat([0, 1, 2], 4).astype("int32")
    images = RNG.normal(size=[3, 2, 2, 5]).astype("float32")[labels]  # as different as classes, and no two within one
    for order, differ in ((np.arange(12), True), (class_groups(labels, 4).numpy(), False)):
        deviation = layers.MinibatchStdDev(4)(images[order]).numpy()[..., 5]
        assert (deviation > 0.1).all() == differ


def test_adain_is_its_closed_form():
    layer = layers.AdaIN(seed=1)
    x, w = RNG.normal(2, 3, size=[4, 5, 6, 7]).astype("float32"), RNG.normal(size=[4, 3]).astype("float32")
    layer([x, w])
    np.testing.assert_array_equal(np.asarray(layer.scale), 1)  # the bias of y_s
    layer.offset.assign(RNG.normal(size=[7]))
    style = w @ np.asarray(layer.kernel) / np.sqrt(3)
    y_s, y_b = style[:, None, None, :7] + 1, style[:, None, None, 7:] + np.asarray(layer.offset)
    normalized = (x - x.mean((1, 2), keepdims=True)) / x.std((1, 2), keepdims=True)
    result = layer([x, w])
    np.testing.assert_allclose(result, y_s * normalized + y_b, rtol=1e-3, atol=1e-4)
    # Whatever x was, the moments of the result are those of the style.
    np.testing.assert_allclose(result.numpy().mean((1, 2)), y_b[:, 0, 0], atol=1e-4)
    np.testing.assert_allclose(result.numpy().std((1, 2)), np.abs(y_s[:, 0, 0]), rtol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_adaptive_group_normalization_is_group_normalization_scale_and_offset(dtype):
    tolerance = 1e-4 if dtype == "float32" else 0.1
    x = (RNG.normal(size=[4, 5, 6, 12]) * np.linspace(1, 4, 12) + 3).astype("float32")
    y_s, y_b = RNG.normal(size=[2, 4, 12]).astype("float32")
    groups = x.reshape(4, 30, 3, 4)
    mean, variance = (moment(groups, axis=(1, 3), keepdims=True) for moment in (np.mean, np.var))
    normalized = ((groups - mean) / np.sqrt(variance + 0.01)).reshape(x.shape)
    result = layers.AdaptiveGroupNormalization(3, epsilon=0.01, dtype=dtype)([x, y_s, y_b])
    np.testing.assert_allclose(
        tf.cast(result, "float32"), y_s[:, None, None] * normalized + y_b[:, None, None], atol=tolerance
    )
    own = keras.layers.GroupNormalization(3, epsilon=0.01, center=False, scale=False)
    with tf.GradientTape(persistent=True) as tape:
        inputs = [tf.constant(value) for value in (x, y_s, y_b)]
        tape.watch(inputs)
        mine = tf.reduce_sum(layers.AdaptiveGroupNormalization(3, epsilon=0.01)(inputs) ** 3)
        theirs = tf.reduce_sum((own(inputs[0]) * inputs[1][:, None, None] + inputs[2][:, None, None]) ** 3)
    for one, two in zip(tape.gradient(mine, inputs), tape.gradient(theirs, inputs), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-2)
    with pytest.raises(ValueError, match=r"`groups` must divide.*=5 for 12 channels"):
        layers.AdaptiveGroupNormalization(5)([x, y_s, y_b])


@pytest.mark.parametrize("channels", [8, 16])
def test_batch_normalization_in_bfloat16(channels):
    """Channels that do not fill a block of 16 are normalised in float32, and the result is of the layer's dtype."""
    x = RNG.normal(2, 3, size=[4, 5, 6, channels]).astype("float32")
    exact = layers.ConditionalBatchNormalization(None)(x, training=True)
    layer = layers.ConditionalBatchNormalization(None, dtype="mixed_bfloat16")
    result = layer(x, training=True)
    assert result.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(result, "float32"), exact, atol=0.05)
    np.testing.assert_allclose(np.asarray(layer.moving_mean), (1 - layer.momentum) * x.mean((0, 1, 2)), rtol=0.02, atol=2e-3)


def test_noise_is_each_images_own_and_starts_at_nothing():
    layer, other = layers.NoiseInjection(0), layers.NoiseInjection(1)
    x, seeds = np.zeros([3, 20, 20, 2], "float32"), np.array([5, 6, 5], "int32")
    np.testing.assert_array_equal(layer([x, seeds]), x)
    for one in (layer, other):
        one([x, seeds])
        one.gain.assign([1.0, 0.5])
    noise = layer([x, seeds]).numpy()
    np.testing.assert_array_equal(noise[0], noise[2])
    np.testing.assert_allclose(noise[..., 1], 0.5 * noise[..., 0], rtol=1e-6)
    assert abs(np.corrcoef(noise[0, ..., 0].ravel(), noise[1, ..., 0].ravel())[0, 1]) < 0.15
    assert abs(np.corrcoef(noise[0, ..., 0].ravel(), other([x, seeds]).numpy()[0, ..., 0].ravel())[0, 1]) < 0.15
    assert abs(noise[0, ..., 0].std() - 1) < 0.1
    np.testing.assert_allclose(layer([x[:1], seeds[1:2]])[0], noise[1], atol=1e-6)  # whatever else is in the batch


def test_the_seed_of_latents_is_a_sum_of_their_bits_with_odd_factors():
    latents = RNG.normal(size=[50, 7]).astype("float32")
    bits = latents.view("int32").astype("int64") * (2 * np.arange(7) + 1)
    expected = bits.sum(1).astype("uint64").astype("uint32").view("int32")  # modulo 2³²
    seeds = layers.SeedOfLatents()(latents).numpy()
    np.testing.assert_array_equal(seeds, expected)
    assert len(set(seeds)) == 50


def test_self_attention_is_the_papers_formula():
    layer = layers.SelfAttention(spectral_normalization=False, seed=1)
    x = RNG.normal(size=[2, 3, 4, 16]).astype("float32")
    np.testing.assert_array_equal(layer(x), x)  # γ starts at 0
    assert [layer.f.filters, layer.g.filters, layer.h.filters, layer.v.filters] == [2, 2, 8, 16]
    layer.gamma.assign(0.7)
    kernels = {name: np.asarray(getattr(layer, name).kernel)[0, 0].astype("float64") for name in "fghv"}
    positions = x.reshape(2, 12, 16).astype("float64")
    s = np.einsum("nic,njc->nij", positions @ kernels["f"], positions @ kernels["g"])  # s_ij = f(x_i)ᵀ g(x_j)
    beta = np.exp(s) / np.exp(s).sum(1, keepdims=True)  # softmax over i
    o = np.einsum("nij,nic->njc", beta, positions @ kernels["h"]) @ kernels["v"]
    np.testing.assert_allclose(layer(x), (0.7 * o + positions).reshape(x.shape), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(layer.attention(x), beta.transpose(0, 2, 1), rtol=1e-4, atol=1e-6)


def test_self_attention_has_spectrally_normalised_convolutions():
    model = keras.Sequential([keras.Input((4, 4, 8)), layers.SelfAttention()])
    from keras_ganaug.layers.spectral_normalization import spectral_layers

    assert len(spectral_layers(model)) == 4


def test_progress_and_fade_in():
    progress, fade = layers.Progress(3), layers.FadeIn(1)
    x = np.ones([2, 4, 4, 1], "float32")
    np.testing.assert_array_equal(progress(x), np.ones([2, 3]))
    progress.progress.assign(1.25)
    gates = progress(x)
    np.testing.assert_allclose(gates, [[1, 0.25, 0]] * 2)
    np.testing.assert_allclose(fade([0 * x, 8 * x, gates]), 2 * x)


def test_learned_constant():
    layer = layers.LearnedConstant((2, 3, 4))
    np.testing.assert_array_equal(layer(np.zeros([5, 1])), np.ones([5, 2, 3, 4]))
    drawn = layers.LearnedConstant((2, 3, 4), keras.initializers.RandomNormal(seed=1))
    again = layers.LearnedConstant.from_config(drawn.get_config())
    assert np.asarray(drawn(np.zeros([5, 1]))).std() > 0
    np.testing.assert_array_equal(again(np.zeros([5, 1])), drawn(np.zeros([5, 1])))


CONV, DEPTHWISE = keras.layers.Conv2D, keras.layers.DepthwiseConv2D
EQUALIZED = [  # layer, input shape, inputs that one output adds up, or None where it is refused
    (lambda: keras.layers.Dense(300), (20,), 20),
    (lambda: keras.layers.Conv1D(200, 3), (9, 8), 24),
    (lambda: CONV(200, (3, 2)), (9, 9, 8), 48),
    (lambda: CONV(200, 3, groups=4), (9, 9, 8), 18),
    (lambda: keras.layers.Conv3D(100, 2), (4, 4, 4, 6), 48),
    (lambda: keras.layers.Conv1DTranspose(200, 3), (9, 8), 24),
    (lambda: keras.layers.Conv2DTranspose(200, 3), (9, 9, 8), 72),
    (lambda: keras.layers.Conv3DTranspose(100, 2), (4, 4, 4, 6), 48),
    (lambda: DEPTHWISE(3, depth_multiplier=50), (9, 9, 8), 9),
    (lambda: DEPTHWISE((2, 5)), (9, 9, 400), 10),
    (lambda: keras.layers.DepthwiseConv1D(3, depth_multiplier=100), (9, 8), 3),
    (lambda: keras.layers.EinsumDense("abc,cde->abde", (None, 20, 30), bias_axes="de"), (4, 8), 8),
    (lambda: keras.layers.EinsumDense("abcd,cde->abe", (None, 300)), (4, 3, 8), 24),
    (lambda: keras.layers.EinsumDense("abc,bcd->abd", (4, 300)), (4, 8), 8),
    (lambda: layers.UpsampleConv2D(200), (4, 4, 8), 72),
    (lambda: keras.layers.Embedding(400, 7), (), 1),
    (lambda: keras.layers.SeparableConv1D(5, 3), (9, 8), None),
    (lambda: keras.layers.SeparableConv2D(5, 3), (9, 9, 8), None),
    (lambda: keras.layers.SimpleRNNCell(5), (8,), None),
    (lambda: keras.layers.ReLU(), (8,), None),
]
IDS = [str(n) for n in range(len(EQUALIZED))]


@pytest.mark.parametrize(("inner", "shape", "fan_in"), EQUALIZED, ids=IDS)
@pytest.mark.parametrize("multiplier", [1.0, 0.01])
def test_equalized_layers_start_normal_and_compute_with_he(inner, shape, fan_in, multiplier):
    layer = layers.Equalized(inner(), gain=3.0, lr_multiplier=multiplier, seed=1)
    x = RNG.integers(0, 400, [2]) if shape == () else RNG.normal(size=[2, *shape]).astype("float32")
    if fan_in is None:
        with pytest.raises(TypeError, match="`layer` must"):
            layer.build(x.shape)
        return
    layer(x)
    kernel = getattr(layer.layer, layer.kernel_name)
    assert abs(multiplier * np.std(np.asarray(kernel)) - 1) < 0.05
    if layer.layer.name.startswith("embedding"):
        expected = np.asarray(kernel)[x]
    else:
        expected = np.asarray(layer.layer(x))  # linear: its bias is 0
    np.testing.assert_allclose(layer(x), 3 * multiplier / np.sqrt(fan_in) * expected, rtol=1e-4, atol=1e-4)


def test_equalized_layers_have_outputs_as_large_as_their_inputs():
    """Which is what He's constant is for, whatever the kind of layer."""
    x = RNG.normal(size=[2, 20, 20, 64]).astype("float32")
    for inner in (DEPTHWISE(3), CONV(64, 3, groups=8), keras.layers.EinsumDense("abcd,de->abce", (None, None, 64))):
        assert abs(np.std(layers.Equalized(inner, gain=1.0, seed=1)(x)) - 1) < 0.1


def test_equalized_layers_are_not_built_before():
    built = keras.layers.Dense(3)
    built(np.ones([1, 2]))
    with pytest.raises(ValueError, match="`layer` must not be built"):
        layers.Equalized(built)


def test_equalized_layers_of_all_kinds_are_saved(tmp_path):
    x = RNG.normal(size=[2, 6, 6, 4]).astype("float32")
    inner = [DEPTHWISE(3, depth_multiplier=2), CONV(6, 3, groups=2), keras.layers.EinsumDense("abcd,de->abce", (4, 2, 3))]
    model = keras.Sequential([keras.Input((6, 6, 4)), *[layers.Equalized(each) for each in inner[:2]]])
    model.add(layers.Equalized(keras.layers.EinsumDense("abcd,de->abce", (2, 2, 3))))
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "model.keras")(x), model(x), rtol=1e-5)


@pytest.mark.parametrize(
    ("inner", "shape", "axes"),  # of the kernel: those of the inputs first
    [
        (lambda: keras.layers.Conv1D(5, 3), (9, 4), [0, 1, 2]),
        (lambda: keras.layers.Conv3D(5, 2), (4, 4, 4, 3), [0, 1, 2, 3, 4]),
        (lambda: keras.layers.Conv1DTranspose(5, 3), (9, 4), [0, 2, 1]),
        (lambda: keras.layers.Conv3DTranspose(5, 2), (4, 4, 4, 3), [0, 1, 2, 4, 3]),
        (lambda: CONV(6, 3, groups=2), (6, 6, 4), [0, 1, 2, 3]),
        (lambda: DEPTHWISE(3, depth_multiplier=4), (6, 6, 3), [0, 1, 2, 3]),
        (lambda: keras.layers.EinsumDense("abc,cd->abd", (None, 5)), (4, 8), [0, 1]),
        (lambda: keras.layers.EinsumDense("abc,dc->abd", (None, 5)), (4, 8), [1, 0]),
    ],
)
def test_spectral_norm_of_all_kinds_of_kernels(inner, shape, axes):
    layer = layers.SpectralNormalization(inner(), power_iterations=300)
    x = RNG.normal(size=[2, *shape]).astype("float32")
    layer(x, training=True)
    kernel = np.transpose(np.asarray(getattr(layer.layer, layer.kernel_name)), axes)
    sigma = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]
    np.testing.assert_allclose(layer.sigma(), sigma, rtol=1e-3)
    np.testing.assert_allclose(layer(x), np.asarray(layer.layer(x)) / sigma, rtol=1e-2, atol=1e-4)


def test_spectral_norm_of_heads_is_that_of_the_map_from_features_to_all_of_them():
    layer = layers.SpectralNormalization(keras.layers.EinsumDense("abc,cde->abde", (None, 3, 5)), power_iterations=300)
    layer(RNG.normal(size=[2, 4, 8]).astype("float32"), training=True)
    np.testing.assert_allclose(layer.sigma(), np.linalg.norm(np.asarray(layer.layer.kernel).reshape(8, 15), 2), rtol=1e-3)


def test_spectral_norm_of_channels_apart_is_no_less_than_the_largest_of_theirs():
    layer = layers.SpectralNormalization(DEPTHWISE(3, depth_multiplier=4), power_iterations=300)
    layer(RNG.normal(size=[2, 6, 6, 3]).astype("float32"), training=True)
    kernel = np.asarray(getattr(layer.layer, layer.kernel_name)).reshape(9, 3, 4)
    assert float(layer.sigma()) > 0.999 * max(np.linalg.norm(kernel[:, n], 2) for n in range(3))


def test_spectral_norm_refuses_layers_with_several_kernels():
    with pytest.raises(TypeError, match="`layer` must have one kernel"):
        layers.SpectralNormalization(keras.layers.SeparableConv2D(5, 3))(np.ones([2, 6, 6, 4], "float32"))


@pytest.mark.parametrize("wrapper", [layers.Equalized, layers.SpectralNormalization])
def test_recurrent_layers_are_refused(wrapper):
    with pytest.raises(TypeError, match="`layer` must have a kernel"):
        wrapper(keras.layers.LSTM(3))(np.ones([2, 4, 3], "float32"))
