"""The command `keras-ganaug`, from a folder of mixed files to a generator, a report and an export."""

import functools
import json
import shlex
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import eagerly

import keras_ganaug as kga

testing = pytest.importorskip("click.testing")
Image = pytest.importorskip("PIL.Image", reason="it writes the files, and reads some of them")
pytest.importorskip("sklearn", reason="the study needs it")

from keras_ganaug import cli, datasets  # noqa: E402
from keras_ganaug.cli import commands, options  # noqa: E402
from keras_ganaug.fitting import assessment, planning  # noqa: E402

TINY = {"minutes": 0.02, "image-size": 8}
MODES = [("png", "L"), ("jpg", "L"), ("webp", "RGB"), ("gif", "P"), ("tiff", "I;16"), ("png", "RGBA"), ("jpg", "CMYK")]


def run(*parts, code=0, **options):
    """The output of a command, which ends with an exit code."""
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    result = testing.CliRunner().invoke(cli.main, [*map(str, parts), *given], prog_name="keras-ganaug")
    assert result.exit_code == code, result.output + str(result.exception)
    return result


@pytest.fixture(scope="module", autouse=True)
def _planned_at_once():
    """Two steps of a narrow GAN, and of a classifier that learns nothing. What they do is tested elsewhere."""

    def train_classifier(images, labels, num_classes, **options):
        return keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(num_classes)])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "_step_time", lambda plan, data: planning.StepTime(0.3, 0.3, 0.1))
        patch.setattr(planning, "_WIDTHS", (4,))
        patch.setattr(assessment, "train_classifier", train_classifier)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of pictures of every kind, a broken file, a hidden one, and one that is none."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, level in (("dark", 40), ("light", 200)):
        (root / name).mkdir()
        for number in range(28):
            suffix, mode = MODES[number % len(MODES)]
            pixels = np.clip(rng.normal(level, 20, [10, 12 if number % 2 else 10]), 0, 255).astype("uint8")
            image = Image.fromarray(pixels)
            if mode == "I;16":
                image = Image.fromarray(pixels.astype("uint16") << 8)
            image = image if mode == "I;16" else image.convert(mode)
            image.save(root / name / f"{number}.{suffix}", **({"exif": exif} if suffix == "jpg" else {}))
    (root / "dark" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    (root / "dark" / ".hidden.png").write_bytes(b"")
    (root / "notes.txt").write_text("")
    return root


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "my run"
    with eagerly():
        return out, run("train", folder, out=out, **TINY)


def test_info(folder):
    told = run("info", folder, **TINY).stdout
    for part in ("56 images of 2 classes", "EXIF", "not square", "resized to 8 × 8 pixels", "Measuring", "training steps"):
        assert part in told
    result = run("info", folder, "--json", **TINY)
    facts = json.loads(result.stdout)
    assert facts["classes"] == {"dark": 28, "light": 28}
    assert facts["plan"]["steps"] >= 1
    assert len(facts["broken"]) == 1
    assert "56 images" in result.stderr


@pytest.mark.usefixtures("eager")
def test_train_and_resume(folder, trained):
    out, result = trained
    assert {"gan.keras", "plan.json", "quality.json", "samples.png"} <= {file.name for file in out.iterdir()}
    assert "GAN-test" in result.stdout
    assert f"kga.gan_augment({str(out)!r}, fraction=0.25)" in result.stdout
    [advised] = [line for line in result.stdout.splitlines() if " generate " in line]
    assert shlex.split(advised) == ["keras-ganaug", "generate", str(out), "--count", "50", "--out", f"{out}_images"]
    gan = keras.models.load_model(out / "gan.keras")
    assert gan.class_names == ("dark", "light")
    again = run("train", folder, "--json", out=out, **TINY)  # it is done, and is not done again
    assert json.loads(again.stdout)["quality"] == json.loads((out / "quality.json").read_text())
    np.testing.assert_array_equal(
        keras.models.load_model(out / "gan.keras").generate([0], seed=1), gan.generate([0], seed=1)
    )
    assert "other" in run("train", folder, out=out, code=1, **{**TINY, "image-size": 12}).stderr


@pytest.mark.usefixtures("eager")
def test_generate(trained, tmp_path):
    out, _ = trained
    result = run("generate", out, "--json", "--class", "light", "--class", "0", count=3, out=tmp_path / "made", seed=1)
    assert len(json.loads(result.stdout)["files"]) == 6
    again = kga.datasets.from_directory(tmp_path / "made", 8, "rgb", shuffle=False, verbose=False)
    assert again.class_names == ["dark", "light"]
    gan = keras.models.load_model(out / "gan.keras")
    images = np.stack([image for image, _ in again.as_numpy_iterator()])
    expected = np.concatenate([gan.generate({"light": 3, 0: 3}, seed=1)[part] for part in (slice(3, 6), slice(0, 3))])
    np.testing.assert_array_equal(images, np.round(expected))
    told = run("generate", out, "--class", "bright", out=tmp_path / "no", code=1).stderr
    assert told == "Error: --class must be numbers of classes, or names among ['dark', 'light']. Received: 'bright'\n"
    told = run("generate", out, out=tmp_path / "made", code=1).stderr
    assert "--out must be a new or an empty folder; --overwrite writes" in told
    run("generate", "fashion_mnist", "--class", "Coat", count=1, out=tmp_path / "coats")
    told = " ".join(run("generate", "nosuch", out=tmp_path / "no", code=2).stderr.split())
    assert "'nosuch' does not exist" in told
    assert told.endswith("RUN must be one of ['digits', 'fashion_mnist']. Received: 'nosuch'")


LEFT_OUT = """Left out of {}:
  1 broken: dark/broken.png
  1 file of other kinds (.txt 1): notes.txt
  1 hidden file: dark/.hidden.png
"""


@pytest.mark.usefixtures("eager")
def test_each_command_says_once_and_in_the_same_words_which_files_are_left_out(folder, trained, tmp_path, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    for name in ("AugmentationStudy", "recommend"):  # after the folders are read
        monkeypatch.setattr(kga.study, name, interrupted)

    def told(result):
        return "".join(line for line in result.stderr.splitlines(True) if not line.startswith("Warning"))

    expected, out = LEFT_OUT.format(folder), tmp_path / "out"
    assert told(run("info", folder, **TINY)) == expected
    assert told(trained[1]) == expected
    assert told(run("evaluate", trained[0], folder, samples=20)) == expected
    assert told(run("recommend", folder, code=130, **TINY)).startswith(expected + "\nStopped")
    assert told(run("study", folder, test=folder, out=out, code=130, **TINY)).startswith(expected * 2 + "\nStopped")
    for number in range(7):
        (tmp_path / "in" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / "ab"[number % 2] / f"{number}.png").write_bytes(b"")
        Image.new("L", (8, 8), 30 * number).save(tmp_path / "in" / "ab"[number % 2] / f"good{number}.png")
    seven = told(run("info", tmp_path / "in", **TINY))
    assert (
        "7 broken: a/0.png (it is empty), a/2.png" in seven and seven.count(".png") == 5 and seven.endswith(" and 2 more\n")
    )


@pytest.mark.usefixtures("eager")
def test_evaluate(folder, trained):
    result = json.loads(run("evaluate", trained[0], folder, "--json", samples=20).stdout)
    assert 0 <= result["gan_test"] <= 1
    assert set(result["gan_test_by_class"]) == {"dark", "light"}
    told = run("evaluate", "digits", folder, samples=20, code=1).stderr
    assert "Error: DIRECTORY must have images of these classes only: ['0', '1'" in told
    assert "'dark', 'light'" in told


def mixture(images, labels, seed):
    """In the place of a GAN."""
    return kga.generators.ClassMixture(images, labels, components=4, mixtures=1)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_study_and_advice(folder, tmp_path, monkeypatch):
    classifier = functools.partial(kga.networks.classifier.classifier, width=4)
    monkeypatch.setattr(kga.networks.classifier, "classifier", classifier)
    few = {**TINY, "steps": 2, "batch-size": 16}
    best = tmp_path / "best.keras"
    told = run("study", folder, "--arm", "nothing", out=tmp_path / "study", seeds=1, classifier=best, **few).stdout
    report = kga.study.Report.from_json(tmp_path / "study" / "report.json")
    assert set(report.arms) >= {"nothing", "gan"}
    assert report.verdict() in told
    page = (tmp_path / "study" / "report.html").read_text()
    assert "add <code>--classifier best.keras</code> to the command" in page
    assert "`--seeds 10`" not in page
    assert "<code>--seeds 10</code>" in page
    assert keras.models.load_model(best).output_shape == (None, 2)
    assert [*report.arms].count("gan + nothing") == 0
    quick = {"arms": {"nothing": kga.study.Arm()}, "candidates": {"half": kga.study.Synthetic(0.5, bank_size=64)}}
    few |= {"folds": 2, "repeats": 1, "cache": tmp_path / "cache"}
    monkeypatch.setattr(kga.study, "recommend", functools.partial(kga.study.recommend, **quick))
    monkeypatch.setattr(commands, "gan_maker", lambda minutes, model: mixture)
    advice, classifier = tmp_path / "advice.json", tmp_path / "classifier.keras"
    assert "classifier.keras" in run("recommend", folder, out=advice, classifier=classifier, **few).stdout
    assert kga.study.Recommendation.from_json(advice).base
    assert (tmp_path / "cache" / "results.json").exists()
    assert keras.models.load_model(classifier).output_shape == (None, 2)


def test_a_study_without_a_test_folder_speaks_of_the_part_that_it_holds_out(tmp_path, monkeypatch):
    def few(*args, **options):
        warnings.warn("1 of the 2 images of `test` are in `train` too", stacklevel=2)
        raise KeyboardInterrupt

    for name in "ab":
        (tmp_path / "in" / name).mkdir(parents=True)
        Image.new("L", (8, 8), 90).save(tmp_path / "in" / name / "0.png")
    told = run("study", tmp_path / "in", out=tmp_path / "out", code=1).stderr
    assert told.startswith(
        "Error: The quarter that is held out without --test must leave images on both sides. Received: 0.25"
    )
    for name in "ab":
        for number in range(1, 4):
            Image.new("L", (8, 8), 30 * number).save(tmp_path / "in" / name / f"{number}.png")
    monkeypatch.setattr(kga.study, "AugmentationStudy", few)
    told = run("study", tmp_path / "in", out=tmp_path / "out", code=130).stderr
    assert "Warning: 1 of the 2 images of the held-out quarter are in the rest of DIRECTORY too" in told
    told = run("study", tmp_path / "in", test=tmp_path / "in", out=tmp_path / "out", code=130).stderr
    assert "Warning: 1 of the 2 images of --test are in DIRECTORY too" in told


def test_export(trained, tmp_path):
    run("export", trained[0], out=tmp_path / "exported")
    images = tf.saved_model.load(str(tmp_path / "exported")).generate(tf.constant([0, 1]), tf.constant([1, 2]))
    gan = keras.models.load_model(trained[0] / "gan.keras")
    np.testing.assert_allclose(images, gan.generate([0, 1], seed=(1, 2)), atol=0.1)
    before = (tmp_path / "exported" / "saved_model.pb").stat().st_mtime_ns
    assert "--overwrite" in run("export", trained[0], out=tmp_path / "exported", code=1).stderr
    assert (tmp_path / "exported" / "saved_model.pb").stat().st_mtime_ns == before
    (tmp_path / "file.onnx").write_text("mine")
    assert "--overwrite" in run("export", trained[0], format="onnx", out=tmp_path / "file.onnx", code=1).stderr
    run("export", trained[0], "--overwrite", out=tmp_path / "exported")
    assert (tmp_path / "exported" / "saved_model.pb").stat().st_mtime_ns > before


def test_errors_are_a_line_and_help_has_examples(tmp_path):
    result = run("info", tmp_path, code=1)
    assert result.stderr.startswith("Error: DIRECTORY must have a subfolder")
    assert "Traceback" not in result.output
    assert run("info", tmp_path / "missing", code=2).stderr
    for name in cli.main.commands:
        assert f"keras-ganaug {name} " in run(name, "--help").stdout
    result = run("study", tmp_path, "--arm", "some", out=tmp_path, code=2)  # before the folder is read
    assert "'--arm': 'some' is not one of 'nothing', 'class_weights'" in " ".join(result.stderr.split())
    assert "nothing|class_weights" in run("study", "--help").stdout


def test_messages_are_in_the_words_of_the_command():
    words = {"directory": "--out", "image_size": "--image-size", "overwrite": "--overwrite", "format": "--format"}
    told = "`directory` must be new; `overwrite=True` writes. `image_size`, `new` of format='onnx'. Received: directory='a'"
    said = "--out must be new; --overwrite writes. --image-size, `new` of --format 'onnx'. Received: 'a'"
    assert options.in_words(told, words) == said
    told = "classes are below: `directory='a/b'`. Use `from_directory('a/train', ...)`"
    assert options.in_words(told, words) == "classes are below: --out 'a/b'. Use 'a/train'"


@pytest.mark.parametrize(
    ("parts", "where", "said"),
    [
        (["info", "FOLDER"], (datasets, "describe_directory"), "Nothing was written"),
        (["train", "FOLDER", "--out", "OUT", "--image-size", "8"], (kga.fitting, "fit_for"), "resumes the training"),
        (["generate", "digits", "--out", "OUT"], (datasets, "to_directory"), "--overwrite"),
        (["evaluate", "digits", "FOLDER"], (kga.fitting, "quality"), "Nothing was written"),
        (["study", "FOLDER", "--out", "OUT"], (kga.study, "AugmentationStudy"), "resumes the study"),
        (["recommend", "FOLDER"], (kga.study, "recommend"), "With --cache, the same command resumes"),
        (["export", "digits", "--out", "OUT"], (commands, "generator_of"), "as it was before"),
    ],
)
def test_an_interrupted_command_says_how_to_go_on(folder, tmp_path, monkeypatch, parts, where, said):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(*where, interrupted)
    places = {"FOLDER": folder, "OUT": tmp_path / "out"}
    assert said in run(*(places.get(part, part) for part in parts), code=130).stderr
