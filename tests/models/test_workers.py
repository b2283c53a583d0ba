"""Several processes that train one model together: on this machine, and as if on two machines."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import workers

pytestmark = pytest.mark.long
GANS = tuple(workers.cases())
_PROGRAM, _TIMEOUT = Path(workers.__file__), 1800  # seconds, on a machine with much other work


def free_ports(number):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def started(folder, *names, hosts=None, within=((), ())):
    """Two workers, which end with the context. `within` are the commands that start each on its machine."""
    hosts = hosts or [f"127.0.0.1:{port}" for port in free_ports(2)]
    with contextlib.ExitStack() as stack:
        processes = []
        for index in (0, 1):
            command = [*within[index], sys.executable, str(_PROGRAM), str(index), ",".join(hosts), *names]
            with open(folder / f"{index}.log", "w") as log:
                processes.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
            stack.callback(processes[-1].kill)
        yield processes


def end(folder, processes, expected=(0, 0)):
    """Waits for the workers. Returns what each has written."""
    codes = [process.wait(_TIMEOUT) for process in processes]
    logs = [(folder / f"{index}.log").read_text() for index in (0, 1)]
    assert [code == wanted for code, wanted in zip(codes, expected, strict=True)] == [True, True], "\n".join(logs)
    return [(dict(np.load(folder / f"{n}.npz")), json.loads((folder / f"{n}.json").read_text())) for n in (0, 1)]


def check_equal(results, name, model, losses):
    """Checks that the workers have the weights and losses of a training in one process, up to rounding."""
    for weights, told in results:
        for n, wanted in enumerate(workers.state_of(model)):
            np.testing.assert_allclose(weights[f"{name} {n}"], wanted, rtol=1e-3, atol=1e-5)
        for metric, wanted in losses.items():
            np.testing.assert_allclose(told[name][metric], wanted, rtol=1e-3, atol=1e-5)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder and the results of two workers, the second of which was killed, and the seconds until the first ended."""
    folder = tmp_path_factory.mktemp("workers")
    with started(folder, "classifier", "mapped", *GANS, "decided", "killed") as processes:
        processes[1].wait(_TIMEOUT)
        killed = time.monotonic()
        results = end(folder, processes, expected=(1, -9))
    return folder, results, time.monotonic() - killed


def test_workers_hold_the_same(trained):
    _, ((first, told), (second, also)), _ = trained
    assert told == also and sorted(told) == sorted(["classifier", "mapped", "decided", *GANS])
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
        assert np.isfinite(value).all()


@pytest.mark.parametrize("name", GANS)
def test_workers_train_as_one_process(trained, name):
    check_equal(trained[1], name, *workers.train(name))


def test_workers_train_a_classifier_as_two_replicas(trained, two_replicas):
    model, losses, predicted = workers.classify(two_replicas.scope())
    check_equal(trained[1], "classifier", model, losses)
    np.testing.assert_allclose(trained[1][1][0]["predicted"], predicted, rtol=1e-3, atol=1e-5)


def test_workers_train_a_classifier_on_augmented_batches_as_one_process(trained):
    check_equal(trained[1], "mapped", *workers.mapped())


def test_the_chief_alone_writes(trained):
    folder, ((first, _), _), _ = trained
    written = {path.name for path in folder.iterdir()} - {"0.log", "1.log", "0.npz", "1.npz", "0.json", "1.json", "backup"}
    models = {f"{name}.keras" for name in ("classifier", "mapped", "decided", *GANS)}
    assert written == {"classifier", *models, *GANS, "best", "logs"}
    logs = [path.parent.name for path in folder.glob("logs/*/events*") if path.suffix == ".v2"]
    assert sorted(logs) == ["samples", "train"]
    images = tf.saved_model.load(str(folder / "GAN")).generate(tf.constant([0, 1, 2]), tf.constant([1, 0]))
    np.testing.assert_allclose(images, first["GAN images"], rtol=1e-5, atol=1e-3)


def test_the_chief_decides(trained):
    told = trained[1][1][1]["decided"]
    assert told["values"] == [3.0, 2.0, 1.0] and (told["best"], told["best_epoch"]) == (1.0, 2)
    assert told["epochs"] == 1
    assert "`fit_for` plans by the speed of one machine" in told["refused"]


def test_a_killed_worker_ends_the_others_and_the_run_goes_on(trained):
    folder, ((unbroken, _), _), seconds = trained
    assert seconds < 60
    assert "another worker has ended or cannot be reached" in (folder / "0.log").read_text()
    with started(folder, "resumed") as processes:
        results = end(folder, processes)
    for weights, _ in results:
        number = sum(name.startswith("resumed ") for name in weights)
        assert number > 10
        for n in range(number):
            np.testing.assert_array_equal(weights[f"resumed {n}"], unbroken[f"GAN {n}"])


@pytest.fixture
def two_machines():
    """Two network namespaces with a cable between them: the commands that run a program in each, and the addresses."""
    names, address = [f"kga{os.getpid()}{part}" for part in "ab"], "10.213.77.{}".format

    def ip(*arguments):
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"network namespaces are not allowed here: ip {' '.join(arguments)}: {done.stderr.strip()}")

    if shutil.which("ip") is None:
        pytest.skip("there is no command `ip`")
    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", names[0], "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", names[1])
        for n, name in enumerate(names):
            ip("-n", name, "address", "add", f"{address(n + 1)}/24", "dev", "cable")
            ip("-n", name, "link", "set", "cable", "up")
        yield [["ip", "netns", "exec", name] for name in names], [f"{address(n)}:12345" for n in (1, 2)]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def test_two_machines(two_machines, tmp_path):
    within, hosts = two_machines
    with started(tmp_path, "GAN", hosts=hosts, within=within) as processes:
        results = end(tmp_path, processes)
    check_equal(results, "GAN", *workers.train("GAN"))
