"""How fast are the train steps on a GPU, against PyTorch's? In two parts, since machines with a GPU may lack TensorFlow.

    python benchmarks/gpu.py --lower FOLDER             # where TensorFlow is: writes the steps as StableHLO
    python benchmarks/gpu.py --run FOLDER --json FILE   # where JAX, PyTorch and a GPU are: at most eight minutes

The steps are those of SNGAN, StyleGAN, StarGAN, and of a ResNet-50 in `AugmentedModel`, in float32 and bfloat16, the very
programs that `jit_compile=True` compiles. They run with donated buffers, in turns with PyTorch's eager and compiled steps of
the same networks. The share of the matrix product's peak is by PyTorch's count of operations. Products of float32 matrices
are exact unless `--tf32` is given. Writes `gpu.md` beside the JSON file.
"""

import argparse
import concurrent.futures
import json
import os
import time
from pathlib import Path

import quiet
from turns import Contender, compare

CLASSES, FRACTION = 10, 0.25
# Image shape, width, batch. On a GPU larger ones than on a processor.
CASES = {
    "SNGAN": ((64, 64, 3), 32, 64),
    "StyleGAN": ((64, 64, 3), 32, 64),
    "StarGAN": ((64, 64, 3), 32, 64),
    "augmented ResNet-50": ((224, 224, 3), 32, 64),
}
TINY = {name: ((8, 8, 1) if name != "augmented ResNet-50" else (32, 32, 3), 4, 8) for name in CASES}
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


# Where TensorFlow is.


def lower_all(folder, cases, precisions, literal=None):
    """Writes the train steps into a folder."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import lowering
    import numpy as np

    import keras_ganaug as kga

    folder.mkdir(parents=True, exist_ok=True)
    options = {} if literal is None else {"literal": literal}
    for name, (image_shape, width, batch) in cases.items():
        for precision in precisions:
            images = np.random.default_rng(0).integers(0, 256, [batch, *image_shape], "uint8")
            labels = np.arange(batch) % CLASSES
            facts = {"case": name, "precision": precision, "image_shape": image_shape, "width": width, "batch": batch}
            model = _model(kga, keras, name, image_shape, width, PRECISIONS[precision])
            lowering.lower(folder, f"{name} {precision}", model.train_step, (images, labels), facts, **options)
            print(f"{name} {precision}: lowered", flush=True)
            keras.backend.clear_session()


def _model(kga, keras, name, image_shape, width, policy):
    if name != "augmented ResNet-50":
        gan = getattr(kga, name)(image_shape, CLASSES, width=width, seed=1, dtype=policy)
        gan.compile(jit_compile=True)
        return gan
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        gan = kga.SNGAN(image_shape, CLASSES, width=width, seed=1)
        keras.utils.set_random_seed(1)
        network = keras.applications.ResNet50(
            weights=None, input_shape=image_shape, classes=CLASSES, classifier_activation=None
        )
        classifier = keras.Sequential([keras.Input(image_shape), keras.layers.Rescaling(1 / 255), network])
        model = kga.AugmentedModel(classifier, kga.GANAugmentation(gan, FRACTION, seed=1))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss, jit_compile=True)
        model.optimizer.build(model.trainable_variables)
    finally:
        keras.config.set_dtype_policy(before)
    return model


# Where the GPU is. Nothing below imports TensorFlow.


def run_all(folder, file, options):
    """Times the steps of a folder, and writes what was found after each, until the time is over."""
    end = time.monotonic() + 60 * options.minutes
    if not options.tf32:
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs memory too
    import jax
    import stablehlo
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = options.tf32
    device = "cuda" if torch.cuda.is_available() else "cpu"
    names = [each for each in stablehlo.names(folder) if each["precision"] in options.precisions]
    if not names:
        raise SystemExit(f"`--run` must be a folder that `--lower` has written. Received: {folder}")
    order = list(CASES)
    names.sort(key=lambda each: (order.index(each["case"]), each["precision"] != "float32"))
    report = {
        "device": torch.cuda.get_device_name() if device == "cuda" else "a processor",
        "xla_device": jax.devices()[0].device_kind,
        "versions": {"jax": jax.__version__, "torch": torch.__version__},
        "settings": {name: getattr(options, name) for name in ("rounds", "steps", "tf32", "minutes", "product")},
        "cases": {},
        "left_out": [],
    }

    def save():
        file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        file.with_name("gpu.md").write_text(page(report), encoding="utf-8")

    pool = concurrent.futures.ThreadPoolExecutor(options.threads)
    programs = {each["name"]: pool.submit(_compiled, stablehlo, folder, each) for each in names}
    # Nothing is timed while programs are compiled, which may take half of the time.
    concurrent.futures.wait(programs.values(), timeout=30 * options.minutes)
    pool.shutdown(wait=False, cancel_futures=True)
    longest = 0.0
    for about in names:
        name, start = about["name"], time.monotonic()
        program = programs.pop(name)  # so that its memory is freed afterwards
        if not program.done() or program.cancelled() or start + longest > end:
            report["left_out"].append(name)
            continue
        report["cases"][name] = _timed(program, about, device, options)
        longest = max(longest, time.monotonic() - start)
        print(f"{name}: {json.dumps(report['cases'][name])}", flush=True)
        save()
    save()
    return report


def _compiled(stablehlo, folder, about):
    program = stablehlo.Program(folder, about)
    program.compile()
    return program


def _timed(program, about, device, options):
    """One step in turns with PyTorch's."""
    import torch
    import torch_steps

    def synchronize():
        if device == "cuda":
            torch.cuda.synchronize()

    def ours():
        made = program.result()
        return Contender(made.step, options.steps, made.wait)

    image_shape, width, batch = about["image_shape"], about["width"], about["batch"]
    images = torch.randint(0, 256, [batch, *image_shape], dtype=torch.uint8, device=device)
    labels = (torch.arange(batch) % CLASSES).to(device)

    def theirs(**kind):
        step = torch_steps.build(
            about["case"], image_shape, CLASSES, width, precision=about["precision"], device=device, **kind
        )
        return Contender(lambda: step(images, labels), options.steps, synchronize)

    makers = {
        "keras_ganaug, XLA": ours,
        "PyTorch, eager": theirs,
        "PyTorch, channels last": lambda: theirs(channels_last=True),
        "PyTorch, compiled": lambda: theirs(channels_last=True, compiled=True),
    }
    product = _product(torch, about["precision"], device, options.product)
    watch = quiet.Watch(product)
    times = compare(makers, options.rounds, watch.look)
    count = torch_steps.flops(torch_steps.build(about["case"], image_shape, CLASSES, width, device=device), images, labels)
    peak = 2 * options.product**3 / min(watch.times)
    return {**about_case(about), **summary(times, count, peak), "machine": watch.report()}


def about_case(about):
    return {name: about[name] for name in ("case", "precision", "image_shape", "width", "batch")}


def _product(torch, precision, device, size):
    """A function that multiplies two matrices and returns its seconds."""
    matrix = torch.randn(size, size, device=device).to(getattr(torch, precision))
    repeats = 10 if device == "cuda" else 1

    def product():
        start = time.perf_counter()
        for _ in range(repeats):
            torch.mm(matrix, matrix)
        if device == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / repeats

    return product


def summary(times, flops, peak):
    """The contenders of one case, how they compare, and the share of the peak."""
    summed = {"contenders": times, "gflops": round(flops / 1e9, 3), "peak_tflops": round(peak / 1e12, 3)}
    own = times["keras_ganaug, XLA"].get("ms")
    others = [each["ms"] for name, each in times.items() if name.startswith("PyTorch") and "ms" in each]
    if own:
        summed["share_of_peak"] = round(flops / (1e-3 * own) / peak, 4)
        if others:
            summed["times_as_fast"] = round(min(others) / own, 3)
    return summed


COMMANDS = (
    "`python benchmarks/gpu.py --lower build/gpu` writes the train steps where TensorFlow is, and "
    "`python benchmarks/gpu.py --run build/gpu --json results/gpu.json` measures them on a machine with a GPU, JAX and "
    "PyTorch, in at most eight minutes, and writes this page."
)


def page(report):
    """The page of a report."""
    names = list({each: None for case in report["cases"].values() for each in case["contenders"]})
    head = ["train step, ms", *names, "times as fast as PyTorch's best", "share of peak"]
    rows = []
    for name, case in report["cases"].items():
        size = "×".join(map(str, case["image_shape"]))
        cells = [_cell(case["contenders"][each]) for each in names]
        fast = f"{case['times_as_fast']:.2f}" if "times_as_fast" in case else ""
        share = f"{100 * case['share_of_peak']:.1f}%" if "share_of_peak" in case else ""
        rows.append([f"{name}, {case['batch']} of {size}, width {case['width']}", *cells, fast, share])
    products = "TF32 allowed" if report["settings"]["tf32"] else "no TF32"
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    lines = [
        "# Speed on a GPU",
        "",
        f"Medians of {report['settings']['rounds']} rounds in turns, on {report['device']}, {products}, {versions}. "
        f"{COMMANDS}",
        "",
        *_table(head, rows),
        "",
        *(f"- {name}: {quiet.words(case['machine'])}" for name, case in report["cases"].items()),
    ]
    if report["left_out"]:
        lines += ["", f"There was no time left for {', '.join(report['left_out'])}."]
    return "\n".join(lines) + "\n"


def _cell(result):
    return result.get("error") or f"{result['ms']:.4g}"


def _table(head, rows):
    return [f"| {' | '.join(cells)} |" for cells in (head, ["-"] * len(head), *rows)]


def parsed(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--lower", type=Path, metavar="FOLDER", help="write the train steps; needs TensorFlow")
    what.add_argument("--run", type=Path, metavar="FOLDER", help="time the train steps; needs JAX and PyTorch")
    parser.add_argument("--json", type=Path, help="where `--run` writes its results")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--minutes", type=float, default=8.0, help="the time of `--run`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=16, help="steps in a round; StyleGAN's penalty comes every 16")
    parser.add_argument("--product", type=int, default=8192, help="size of the matrices whose product is the peak")
    parser.add_argument("--threads", type=int, default=4, help="how many programs XLA compiles at once")
    parser.add_argument("--tf32", action="store_true", help="allow TF32 in products of float32 matrices")
    parser.add_argument("--tiny", action="store_true", help="lower tiny networks, for a quick try")
    options = parser.parse_args(arguments)
    if options.run and not options.json:
        parser.error("--run needs --json")
    return options


def main(arguments=None):
    options = parsed(arguments)
    if options.lower:
        of = TINY if options.tiny else CASES
        return lower_all(options.lower, {name: of[name] for name in options.cases}, options.precisions)
    return run_all(options.run, options.json, options)


if __name__ == "__main__":
    main()
