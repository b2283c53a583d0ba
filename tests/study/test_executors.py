"""Studies on executors: other processes train the arms, with the results of this one."""

import functools
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tools import study_data

import keras_ganaug as kga
from keras_ganaug import study
from keras_ganaug.study import parallel

ARMS = {
    "nothing": study.Arm(),
    "gan": study.Arm(synthetic=study.Synthetic(0.5, "keep", bank_size=12)),
}


def gan_of(images, labels, seed):
    gan = kga.GAN(images.shape[1:], 3, latent_dim=2, width=2, seed=seed)
    gan.compile(jit_compile=False)
    gan.fit(images, labels, batch_size=8, steps=1, verbose=0)
    return gan


def build(seed):
    return kga.networks.classifier.classifier((8, 8, 1), 3, width=2, seed=seed)


def killed(flag, seed):
    """A build that kills its process once, for the second seed."""
    if seed == 1 and not Path(flag).exists():
        Path(flag).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return build(seed)


def make(directory, build=build, **options):
    settings = {"arms": ARMS, "on_top_of": None, "steps": 2, "batch_size": 8, "seeds": [0, 1], "verbose": False}
    settings |= {"build": build, "directory": directory, **options}
    return kga.AugmentationStudy(lambda seed: study_data(seed), study_data(9), gan_of, **settings)


def processes(number=1):
    return ProcessPoolExecutor(number, mp_context=multiprocessing.get_context("spawn"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return make(tmp_path_factory.mktemp("alone")).run()


def check_equal(one, other):
    for arm, metrics in one.arms.items():
        for metric, values in metrics.items():
            np.testing.assert_allclose(values, other.arms[arm][metric], rtol=1e-4, atol=1e-4, err_msg=f"{arm}, {metric}")


@pytest.mark.long
def test_processes_give_the_results_of_one(alone, tmp_path, capsys):
    """One of them dies, which is told; the next run trains what is missing."""
    flag = tmp_path / "flag"
    dying = functools.partial(killed, str(flag))
    dying.cache_key = "build"
    with (
        processes() as pool,
        pytest.raises(RuntimeError, match=r"trainings are missing.*Received: seed .*BrokenProcessPool"),
    ):
        make(tmp_path, dying, seeds=[1, 0]).run(executor=pool)
    assert "FAILED: seed 1" in capsys.readouterr().out
    with processes() as pool:
        whole = make(tmp_path, dying, verbose=True).run(executor=pool)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("4/4 seed ")
    assert "left" in lines[-1]
    check_equal(alone, whole)
    assert whole.samples() is not None  # by the file of the GAN
    again = make(tmp_path, dying)
    assert again.run().arms == whole.arms  # nothing is left to be trained


@pytest.mark.long
def test_dask(alone, tmp_path):
    distributed = pytest.importorskip("distributed", reason="of the extra [test]")
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client, client.get_executor() as executor:
        check_equal(alone, make(tmp_path).run(executor=executor))


@pytest.mark.long
def test_advice_on_an_executor(tmp_path):
    images, labels = study_data(1)
    options = {"arms": {"nothing": study.Arm()}, "candidates": {"half": study.Synthetic(0.5, "keep", bank_size=12)}}
    options |= {"folds": 2, "repeats": 1, "steps": 2, "batch_size": 8, "build": build, "verbose": False}
    here = study.recommend((images, labels), gan_of, directory=tmp_path / "here", **options)
    with processes() as pool:
        there = study.recommend((images, labels), gan_of, directory=tmp_path / "there", executor=pool, **options)
    assert there.reasons == here.reasons
    assert there.figures.keys() == here.figures.keys()


@pytest.mark.parametrize(
    ("executor", "options", "error", "message"),
    [
        (2, {}, TypeError, r"`executor` must be a `concurrent\.futures\.Executor`.*Received: executor=2"),
        (ThreadPoolExecutor(1), {}, ValueError, r"`executor` must run processes.*Received"),
        (
            processes(),
            {"directory": None},
            ValueError,
            r"`directory` must be given with an executor.*Received: directory=None",
        ),
    ],
    ids=["a number", "threads", "no directory"],
)
def test_what_cannot_run(executor, options, error, message, tmp_path):
    with pytest.raises(error, match=message):
        make(**{"directory": tmp_path, **options}).run(executor=executor)


def test_functions_that_no_other_process_knows(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "_pickler", lambda: __import__("pickle"))

    def local(seed):
        return build(seed)

    with processes() as pool, pytest.raises(TypeError, match=r"must be picklable for an executor.*cloudpickle.*Received"):
        make(tmp_path, local).run(executor=pool)


def test_forks_and_threads_are_told(monkeypatch):
    with pytest.raises(ValueError, match=r"`executor` must run tasks in other processes\. Received"):
        parallel._train(b"", "nothing", os.getpid())
    monkeypatch.setattr(parallel, "_PROCESS", 0)
    with pytest.raises(ValueError, match=r"`executor` must start new processes.*spawn.*Received: one that forks"):
        parallel._train(b"", "nothing", 0)
