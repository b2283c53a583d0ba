"""What long computations print: on a terminal one line in place, in a log file a line now and then."""

import io
import time

import keras
import pytest
import tensorflow as tf
from tools import StudyRecorder, small_data, small_gan, study_data

import keras_ganaug as kga
from keras_ganaug import _progress, callbacks
from keras_ganaug.metrics.classifier import train_classifier_on
from keras_ganaug.study.progress import Progress, StudyProgress

pytestmark = pytest.mark.usefixtures("eager")


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def lines(self):
        """What is on the screen in the end."""
        screen = []
        for line in self.getvalue().split("\n"):
            row = ""
            for part in line.split("\r"):
                row = part + row[len(part) :]
            screen.append(row.rstrip())
        return screen


@pytest.fixture
def clock(monkeypatch):
    """Each look at the clock takes a second."""
    seconds = iter(range(100_000))
    monkeypatch.setattr(_progress, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(_progress._Last, "time", 0.0)
    monkeypatch.setattr(_progress._Last, "shown", None)


def classifier(steps, **options):
    dataset = tf.data.Dataset.from_tensors(small_data()).repeat()
    model = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])
    train_classifier_on(dataset, model, steps, **options)


def test_words_for_durations():
    assert [*map(_progress.words, (3, 99.4, 100, 3000, 3725))] == ["3 s", "99 s", "2 min", "50 min", "1 h 2 min"]


@pytest.mark.usefixtures("clock")
def test_a_terminal_has_one_line_in_place(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    with _progress.phase("seed 0, nothing", "Begins."):
        classifier(5)
        assert terminal.lines() == ["Begins.", "seed 0, nothing: 5 of 5 steps, 0 s left"]
        _progress.say("1/2 seed 0, nothing")
    classifier(5)  # outside of the phase
    assert terminal.lines() == ["Begins.", "1/2 seed 0, nothing", ""]
    shown = [part.strip() for part in terminal.getvalue().replace("\n", "\r").split("\r")]
    assert "seed 0, nothing: 2 of 5 steps, 6 s left" in shown  # two looks at the clock for each step
    assert not [part for part in shown if "1 of 5 steps" in part]  # nothing is known yet


@pytest.mark.usefixtures("clock")
def test_a_log_file_has_a_line_every_30_seconds(capsys):
    with _progress.phase("GAN"):
        classifier(60)
    lines = capsys.readouterr().out.splitlines()
    steps = [int(line.split()[1]) for line in lines]
    assert 2 <= len(lines) <= 6 and steps == sorted(steps)
    assert all(line.startswith("GAN: ") and " of 60 steps, " in line and line.endswith(" left") for line in lines)


@pytest.mark.usefixtures("clock")
def test_other_bars_and_phases_are_respected(capsys, monkeypatch):
    monkeypatch.setattr(_progress, "_PAUSE", 0.0)
    with _progress.phase("GAN"), _progress.phase(None):
        classifier(3)
    with _progress.phase("GAN", told=False):
        classifier(3)
    _progress.tell("outside of a phase")
    assert capsys.readouterr().out == ""
    with _progress.phase("GAN"):
        classifier(3, verbose=2)
        assert "GAN" not in capsys.readouterr().out
        _progress.tell("measuring")
        assert capsys.readouterr().out == "GAN: measuring\n"
        own = callbacks.TimeLeft()
        assert _progress.with_steps([own]) == [own]


@pytest.mark.usefixtures("clock")
def test_a_gan_shows_its_own_number_of_steps_and_its_autoencoder(monkeypatch):
    terminal, gan, (x, y) = Terminal(), small_gan(), small_data()
    gan.compile()
    monkeypatch.setattr("sys.stdout", terminal)
    options = {"batch_size": 8, "steps": 7, "steps_per_epoch": 3, "verbose": 0}
    start = callbacks.AutoencoderStart(x, y, steps=3, batch_size=8)
    with _progress.phase("GAN"):
        gan.fit(x, y, callbacks=[start], **options)
    assert "GAN, autoencoder: 3 of 3 steps" in terminal.getvalue()
    assert "GAN: 7 of 7 steps, 0 s left" in terminal.getvalue()
    terminal.truncate(0)
    gan.fit(x, y, callbacks=[callbacks.TimeLeft()], **options)
    assert [line.split("  ")[0] for line in terminal.lines() if line] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert "4 of 7 steps" in terminal.getvalue()


def test_compiling_is_not_taken_for_the_time_of_a_step():
    left = callbacks.TimeLeft(io.StringIO())
    left.set_params({"epochs": 10, "steps": 10, "verbose": 0})
    left.on_train_begin()
    left.on_epoch_begin(0)
    left._begun -= 1000  # the first step took that long
    for batch in range(10):
        left.on_train_batch_end(batch)
        time.sleep(0.002)
    assert left.seconds(90) < 60


@pytest.mark.usefixtures("clock")
def test_a_study_says_what_it_does(capsys, monkeypatch):
    def make(images, labels, seed):
        classifier(3)  # in the place of a GAN
        return kga.generators.ClassMixture(images, labels, components=4, mixtures=1)

    monkeypatch.setattr(_progress, "_PAUSE", 0.0)
    some, settings = kga.study.Synthetic(0.5, bank_size=16), {"build": StudyRecorder().build, "steps": 3, "batch_size": 8}
    options = {"arms": {"gan": kga.study.Arm(synthetic=some)}, "on_top_of": None, "seeds": [3], **settings}
    kga.AugmentationStudy(study_data(1), study_data(2), make, **options).results()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "training the GAN of seed 3"
    assert any(line.startswith("GAN of seed 3: ") and " of 3 steps, " in line for line in lines)
    assert any(line.startswith("seed 3, gan: ") and " of 3 steps, " in line for line in lines)
    assert lines[-1].startswith("1/1 seed 3, gan: ") and lines[-1].endswith(" 0 s left")
    kga.AugmentationStudy(study_data(1), study_data(2), make, verbose=False, **options).results()
    assert capsys.readouterr().out == ""
    few = {"arms": {"plain": kga.study.Arm()}, "candidates": {"half": some}, "folds": 2, "repeats": 1}
    kga.recommend(study_data(1), make, **few, **settings)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "training the GAN of fold 1 of at most 2"
    assert any(line.startswith("GAN of fold 1 of at most 2: ") for line in lines)
    assert any(line.startswith("without the GAN, fold 1 of at most 2: ") for line in lines)
    assert not [line for line in lines if "seed" in line]
    progress = Progress(folds=6, verbose=True)
    progress.made_gan(300)
    progress.begin("with the GAN", 1, 2, 2)
    with progress.making_gan("GAN of fold 2 of at most 6"):
        assert capsys.readouterr().out == "training the GAN of fold 2 of at most 6, about 5 min\n"


def test_the_time_of_a_gan_is_not_that_of_an_arm(monkeypatch, capsys):
    clock = iter([0.0, 0.0, 610.0, 620.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    progress = StudyProgress(verbose=True)
    progress.begin(total=20, done=4)
    progress.made_gan(600)
    progress.trained(0, "a", {"balanced_accuracy": 0.5}, gans=2)
    progress.trained(0, "b", {"balanced_accuracy": 0.5}, gans=2)
    expected = "6/20 seed 0, b: balanced accuracy 50.0%, after 10 min, 22 min left"  # two GANs and 14 arms of 10 s
    assert capsys.readouterr().out.splitlines()[-1] == expected
