"""Several generators as one: whose images they are, and that it stands wherever a generator stands."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import KNOWN_SHAPE, KnownImages, known_generator, label_of, noise_of, small_gan

import keras_ganaug as kga
from keras_ganaug.generators import Generator, as_generator
from keras_ganaug.generators.bank import SampleBank

SEED = tf.constant([3, 4])
# Images of the known generator tell the class that it was asked for: 20, 21, ... of the second one, and so on.
PARTS = [{0: 0, 1: 1, 2: 2}, {20: 1, 21: 4}, {40: 1, 41: 5, 42: 0}]
MAKES = {0: {0, 42}, 1: {1, 20, 40}, 2: {2}, 4: {21}, 5: {41}}  # and class 3 is a gap


def known(num_classes=60):
    return as_generator(known_generator(), num_classes)


def union(**options):
    return kga.GeneratorUnion([known() for _ in PARTS], PARTS, **options)


def spread(n):
    return np.resize(list(MAKES), n).astype("int32")


def check_rows(images, labels, value_range=(-1.0, 1.0)):
    """Each image is of a generator that makes its class, and each makes an equal share of each class."""
    told = label_of(images, value_range)
    for label in np.unique(labels):
        values, counts = np.unique(told[np.asarray(labels) == label], return_counts=True)
        assert set(values) <= MAKES[label]
        counts = [*counts, *[0] * (len(MAKES[label]) - len(counts))]
        assert max(counts) - min(counts) <= 1


class Constant(Generator):
    """Images of the value 10 * (their class + 1), of 255."""

    def __init__(self, num_classes=2, unseen=(), value_range=(0.0, 255.0), shape=(2, 2, 1)):
        self.condition, self.unseen_classes = kga.conditions.of(num_classes), unseen
        self.image_shape, self.value_range = shape, value_range

    def sample(self, labels, seed, truncation=1.0):
        share = 10 * (tf.cast(labels, tf.float32) + 1) / 255
        low, high = self.value_range
        return tf.tile((low + share * (high - low))[:, None, None, None], [1, *self.image_shape])


def compiled(generator, jit_compile, rows=None):
    specs = [tf.TensorSpec([rows], tf.int32), tf.TensorSpec([2], tf.int32)]
    return tf.function(generator.sample, specs, autograph=False, jit_compile=jit_compile)


def test_a_bank_needs_a_sample_of_each_class_that_is_made():
    assert union(num_classes=8).made_classes.tolist() == [0, 1, 2, 4, 5]
    kga.gan_augment(union(num_classes=8), bank_size=5, seed=1)
    with pytest.raises(ValueError, match=r"`bank_size` must be at least the number of classes, 5. Received: bank_size=4"):
        kga.gan_augment(union(num_classes=8), bank_size=4, seed=1)


# Whose images they are.


def test_what_it_is_like():
    one = union()
    assert (one.num_classes, one.missing_classes, one.unseen_classes) == (6, (3,), (3,))
    assert one.image_shape == KNOWN_SHAPE
    assert one.made_classes.tolist() == [0, 1, 2, 4, 5]
    assert union(num_classes=8).missing_classes == (3, 6, 7)


@pytest.mark.parametrize("seed", range(4))
def test_labels_go_to_the_right_generator_in_equal_shares(seed):
    labels = np.random.default_rng(seed).choice(list(MAKES), 40).astype("int32")
    images = union().generate(labels, seed=seed)
    check_rows(images, labels)
    assert len(np.unique(noise_of(images))) == 40  # no two parts share noise


@pytest.mark.parametrize("jit_compile", [False, True])
def test_any_number_of_rows_in_any_graph(jit_compile):
    generator = union()
    dynamic, static = compiled(generator, jit_compile), compiled(generator, jit_compile, 7)
    cases = [spread(7), np.ones(7), np.full(7, 4), np.ones(1), np.zeros(0)]
    for labels in map(tf.constant, (case.astype("int32") for case in cases)):
        expected = generator.sample(labels, SEED).numpy()
        assert expected.shape == (len(labels), *KNOWN_SHAPE)
        check_rows(expected, labels)
        assert len(np.unique(noise_of(expected))) == len(labels)
        for sample in [dynamic, static][: 1 + (len(labels) == 7)]:
            np.testing.assert_allclose(sample(labels, SEED), expected, atol=1e-6)


def test_xla_compiles_one_program_for_all_labels_and_seeds():
    generator = union()
    sample = tf.function(lambda labels, seed: generator.sample(labels, seed), jit_compile=True, autograph=False)
    hlo = sample.experimental_get_compiler_ir(tf.constant(spread(7)), SEED)(stage="hlo")
    for argument in ("s32[7]{0} parameter(", "s32[2]{0} parameter("):  # what is none is a constant, of one program each
        assert argument in hlo[hlo.index("ENTRY") :]


@pytest.mark.parametrize("rows", [2, 3, 6, 30])
def test_any_number_of_rows(rows):
    for labels in (spread(rows), np.full(rows, 2), np.ones(rows)):
        images = union().sample(tf.constant(labels, tf.int32), SEED).numpy()
        check_rows(images, labels)
        assert len(np.unique(noise_of(images))) == rows


def test_who_begins_is_random():
    labels = tf.ones([1], tf.int32)
    first = [label_of(union().sample(labels, tf.constant([seed, 0])))[0] for seed in range(30)]
    assert set(first) == MAKES[1]


def test_each_generator_makes_little_more_than_its_share():
    made = []

    class Counting(Constant):
        def sample(self, labels, seed, truncation=1.0):
            made.append(int(labels.shape[0]))
            return super().sample(labels, seed)

    generator = kga.GeneratorUnion([Counting() for _ in range(5)], [{0: 2 * n, 1: 2 * n + 1} for n in range(5)])
    for labels in (np.arange(64) % 10, np.zeros(64), np.random.default_rng(0).integers(0, 10, 64)):
        made.clear()
        images = generator.sample(tf.constant(labels, tf.int32), SEED).numpy()
        np.testing.assert_allclose(images[:, 0, 0, 0], 10 * (labels % 2 + 1), rtol=1e-5)
        assert set(made) == {13}
        assert len(made) <= 9


def test_truncation_reaches_the_parts():
    labels = tf.constant(spread(30))
    wide, narrow = (noise_of(union().sample(labels, SEED, tf.constant(scale))) for scale in (1.0, 0.2))
    latents = wide / (1 - np.abs(wide))  # the inverse of softsign
    np.testing.assert_allclose(narrow, 0.2 * latents / (1 + np.abs(0.2 * latents)), atol=1e-5)


def test_value_ranges_of_the_others_become_that_of_the_first():
    parts = [Constant(2, value_range=pair) for pair in ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))]
    generator = kga.GeneratorUnion(parts, [{0: 0, 1: 1}, {0: 2, 1: 3}, {0: 4, 1: 5}])
    assert generator.value_range == (0.0, 1.0)
    images = generator.generate(np.arange(6), seed=1)
    np.testing.assert_allclose(images[:, 1, 1, 0] * 255, [10, 20] * 3, rtol=1e-5)


def test_generators_without_classes_and_of_several_attributes():
    unconditional = Constant(None)
    several = kga.SNGAN((2, 2, 1), {"garment": 3, "style": 2}, latent_dim=4, width=4, seed=1)
    generator = kga.GeneratorUnion([unconditional, several, unconditional], [1, {0: 0, 2: 3}, {0: 2}])
    assert (generator.num_classes, generator.missing_classes) == (4, ())
    images = generator.generate([1, 0, 2, 3, 1], seed=1)
    np.testing.assert_allclose(images[[0, 2, 4]], 10, rtol=1e-5)
    assert np.ptp(images[[1, 3]]) > 0


def test_classes_that_a_part_has_not_seen_are_made_by_those_that_have():
    parts = [Constant(2, unseen=(1,)), Constant(3, unseen=(2,))]
    generator = kga.GeneratorUnion(parts, [{0: 0, 1: 1}, {0: 2, 1: 1, 2: 3}])
    assert generator.unseen_classes == (3,)
    assert generator.missing_classes == ()
    images = generator.generate([1] * 6 + [3], seed=1)[:, 0, 0, 0]
    np.testing.assert_allclose(images, [20] * 6 + [30], rtol=1e-5)
    parts[0].unseen_classes = ()  # as of a GAN that has been trained on
    assert kga.GeneratorUnion(parts, generator.labels).unseen_classes == (3,)
    parts[1].unseen_classes = ()
    assert generator.unseen_classes == ()


# Gaps.


def test_a_class_that_nobody_makes_is_refused():
    generator = union()
    with pytest.raises(ValueError, match=r"`labels` must be of classes that the generator makes. Received: \[3\]"):
        generator.generate([0, 3], seed=1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="classes that the generator makes"):
        compiled(generator, False)(tf.constant([0, 3]), SEED)
    assert compiled(generator, True)(tf.constant([0, 3]), SEED).shape == (2, *KNOWN_SHAPE)  # XLA cannot tell
    with pytest.raises(ValueError, match="`sampling_strategy` must give weight to classes"):
        kga.GANAugmentation(generator, 0.5, {3: 1.0})


def test_a_union_of_unions_with_gaps():
    inner = kga.GeneratorUnion([known()], [{7: 1, 8: 3}])
    outer = kga.GeneratorUnion([inner, known()], [{0: 0, 1: 1, 3: 2}, {9: 3}])
    assert outer.missing_classes == (0,)
    assert label_of(outer.generate([1, 2, 3], seed=1)).tolist() == [7, 8, 9]
    assert compiled(outer, False)(tf.zeros([0], tf.int32), SEED).shape == (0, *KNOWN_SHAPE)


@pytest.mark.filterwarnings("ignore:`generator` has seen no image")
@pytest.mark.parametrize("engine", ["layer", "bank", "live"])
@pytest.mark.parametrize("strategy", ["keep", "balance", [1, 2, 1, 0, 1, 1]])
def test_it_augments(engine, strategy):
    generator = kga.FilteredGenerator(union(), accepting(6), candidates=2) if engine == "live" else union()
    images, labels = np.full([24, *KNOWN_SHAPE], 0.9, "float32"), np.arange(24) % 6
    if engine == "layer":
        new, given = kga.GANAugmentation(generator, 1.0, strategy, seed=1)(images, labels, training=True)
    else:
        augment = kga.gan_augment(generator, 1.0, strategy, engine=engine, bank_size=30, seed=1)
        new, given = next(iter(tf.data.Dataset.from_tensors((images, labels)).map(augment)))
    replaced = np.isin(given, list(MAKES))  # rows of the gap stay as they are
    if strategy == "keep":
        np.testing.assert_array_equal(given, labels)
        np.testing.assert_array_equal(new.numpy()[~replaced], images[~replaced])
    else:
        assert replaced.all()
    told = label_of(new.numpy()[replaced])
    assert all(value in MAKES[label] for value, label in zip(told, given.numpy()[replaced], strict=True))


def accepting(num_classes):
    return keras.Sequential([keras.Input(KNOWN_SHAPE), keras.layers.Flatten(), keras.layers.Dense(num_classes)])


def test_a_bank_has_what_is_made_and_no_more():
    bank = SampleBank(union(), (-1.0, 1.0), 1.0, SEED, 30)
    assert (bank.per_class(), bank.images.shape[0]) == (6, 30)
    labels = tf.constant(spread(20))
    told = label_of(bank.draw(labels, SEED))
    assert all(value in MAKES[label] for value, label in zip(told, labels.numpy(), strict=True))
    before = noise_of(bank.images)
    bank.refresh()
    assert not set(noise_of(bank.images)) & set(before)


@pytest.mark.parametrize("one_hot", [False, True])
def test_a_gan_of_the_rare_classes_augments_all(one_hot):
    """Its labels are those of the union; rows of the other classes stay as they are."""
    rare = kga.GeneratorUnion([known(2)], [{0: 3, 1: 4}])
    images, labels = np.full([20, *KNOWN_SHAPE], 0.9, "float32"), np.arange(20) % 5
    with pytest.warns(UserWarning, match=r"no image of the classes \[0, 1, 2\]"):
        augment = kga.gan_augment(rare, 0.4, bank_size=20, seed=1)
    dataset = tf.data.Dataset.from_tensors((images, np.eye(5, dtype="float32")[labels] if one_hot else labels))
    new, given = (part.numpy() for part in next(iter(dataset.map(augment))))
    np.testing.assert_array_equal(given.argmax(1) if one_hot else given, labels)
    changed = (new != images).any((1, 2, 3))
    np.testing.assert_array_equal(changed, labels >= 3)
    np.testing.assert_array_equal(label_of(new[changed]), labels[changed] - 3)


# Where it is trained with, saved and exported.


def test_in_one_xla_program_with_a_classifier():
    layer = kga.GANAugmentation(union(num_classes=6), 0.5, [1, 1, 1, 0, 1, 1], seed=1)
    model = kga.AugmentedModel(accepting(6), layer)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=True)
    x, y = np.zeros([12, *KNOWN_SHAPE], "float32"), np.arange(12) % 6
    model.fit(x, y, batch_size=6, verbose=0)
    assert np.isfinite(model.evaluate(x, y, verbose=0))


def saved(generator, tmp_path):
    with pytest.warns(UserWarning, match=r"no image of the classes \[2\]"):
        layer = kga.GANAugmentation(generator, 0.5, seed=1)
    classifier = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(4)])
    kga.AugmentedModel(classifier, layer).save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def check_same(generator, other):
    labels = tf.constant([0, 1, 1, 1, 3, 1])
    assert other.description == generator.description
    np.testing.assert_allclose(other.sample(labels, SEED), generator.sample(labels, SEED), atol=0.1)


@pytest.mark.filterwarnings("ignore:`generator` has seen no image")
def test_a_file_holds_all_generators(tmp_path):
    gan, other = small_gan(), small_gan(seed=2, value_range=(0, 1))
    model = known_of_shape((8, 8, 1))
    inner = kga.GeneratorUnion([other, model], [{1: 1}, {0: 0, 1: 1}])
    generator = kga.GeneratorUnion([gan, inner], [{0: 0, 2: 1}, {1: 3, 0: 1}])
    loaded = keras.models.load_model(saved(generator, tmp_path)).augmentation.replacement.generator
    assert isinstance(loaded, kga.GeneratorUnion)
    assert loaded.labels == generator.labels
    assert isinstance(loaded.generators[1], kga.GeneratorUnion)
    check_same(generator, loaded)


def known_of_shape(shape):
    inputs = [keras.Input((3,)), keras.Input((), dtype="int32")]
    images = keras.layers.Dense(int(np.prod(shape)), activation="tanh")(keras.layers.Flatten()(KnownImages()(inputs)))
    return as_generator(keras.Model(inputs, keras.layers.Reshape(shape)(images)), 2)


@pytest.mark.filterwarnings("ignore:`generator` has seen no image")
def test_saved_models_as_parts(tmp_path):
    gan = small_gan()
    gan.export(tmp_path / "site")
    labels = [{0: 0, 2: 1}, {1: 1, 0: 3}]
    generator = kga.GeneratorUnion([tmp_path / "site", small_gan(seed=2)], labels)
    check_same(kga.GeneratorUnion([gan, small_gan(seed=2)], labels), generator)
    for jit_compile in (False, True):
        images = compiled(generator, jit_compile)(tf.constant([0, 1, 3]), SEED)
        np.testing.assert_allclose(images, generator.sample(tf.constant([0, 1, 3]), SEED), atol=0.1)
    path = saved(generator, tmp_path)
    with pytest.raises(ValueError, match="`safe_mode` must be False"):
        keras.models.load_model(path)
    loaded = keras.models.load_model(path, safe_mode=False).augmentation.replacement.generator
    check_same(generator, loaded)
    # One export of all, which augments too.
    loaded_layer = kga.GANAugmentation(generator, 1.0, seed=1)
    loaded_layer.export(tmp_path / "export")
    check_same(generator, as_generator(tmp_path / "export"))
    alone = tf.saved_model.load(str(tmp_path / "export"))
    x, y = tf.fill([4, 8, 8, 1], 255.0), tf.constant([0, 1, 2, 3])
    images, given = alone.augment(x, y, SEED)
    np.testing.assert_array_equal(given, y)
    np.testing.assert_array_equal((images != x).numpy().any((1, 2, 3)), [True, True, False, True])
    with pytest.raises(tf.errors.InvalidArgumentError, match="classes that the generator makes"):
        alone.generate(tf.constant([2]), SEED)


# Errors.


@pytest.mark.parametrize(
    ("name", "generators", "labels"),
    [
        ("generators", [], []),
        ("generators", Constant(), [{0: 0}]),
        ("labels", [Constant()], [{0: 0}, {1: 1}]),
        ("labels", [Constant()], {0: 0}),
        (r"generators\[1\]", [Constant(), Constant(shape=(2, 3, 1))], [{0: 0}, {0: 0}]),
        (r"generators\[1\]", [Constant(), "nowhere"], [{0: 0}, {0: 0}]),
        (r"generators\[1\]", [Constant(), 3], [{0: 0}, {0: 0}]),
        (r"generators\[0\]", [kga.StarGAN((8, 8, 1), 2, latent_dim=3, width=4)], [{0: 0}]),
        (r"labels\[0\]", [Constant()], [0]),  # an integer, of one that has classes
        (r"labels\[0\]", [Constant()], [{}]),
        (r"labels\[0\]", [Constant()], [[0, 1]]),
        (r"labels\[0\]", [Constant()], [{2: 0}]),
        (r"labels\[0\]", [Constant()], [{-1: 0}]),
        (r"labels\[0\]", [Constant()], [{0: -1}]),
        (r"labels\[0\]", [Constant()], [{0: 1.5}]),
        (r"labels\[0\]", [Constant()], [{"0": 0}]),
        (r"labels\[0\]", [Constant()], [{0: 1, 1: 1}]),
        (r"labels\[1\]", [Constant(), Constant(None)], [{0: 0}, {1: 0}]),
        (r"labels\[1\]", [Constant(), Constant(None)], [{0: 0}, -1]),
    ],
)
def test_wrong_arguments(name, generators, labels):
    with pytest.raises((ValueError, TypeError), match=rf"`{name}` .*Received"):
        kga.GeneratorUnion(generators, labels)


@pytest.mark.parametrize("num_classes", [0, 1, 2.0])
def test_a_wrong_number_of_classes(num_classes):
    with pytest.raises(ValueError, match=r"`num_classes` must be .*Received"):
        kga.GeneratorUnion([Constant()], [{0: 1}], num_classes)
