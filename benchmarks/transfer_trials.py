"""What the arms of `transfer.py` without stored images do with other options, on a development seed.

    python benchmarks/transfer_trials.py --setting replay --seed 100

Each arm with an option that matters is tried with four values of it or so. The values in `transfer.py` were chosen by this.
"""

import argparse

import transfer
import transfer_arms

from keras_ganaug.study import statistics


def trials(task):
    """Functions that give logits of the test images, by name."""

    def elastic(weight):
        model = task.new_classifier()
        model.set_weights(task.first.get_weights())
        old = task.of_classes(task.old)
        return task.logits(transfer_arms.elastic(model, *old, task.data, task.setting.steps, weight))

    def distilled(weight):
        return task.second(*transfer_arms.distillation(task.data, task.first, task.old, task.num_classes, weight))

    def mixture(**options):
        return task.replay(task.mixture_of(task.old, **options))

    def decoder(latent_dim):
        return task.replay(task.decoder_of(task.old, latent_dim))

    made = {f"EWC, weight {weight:g}": (elastic, (weight,), {}) for weight in (1.0, 1e2, 1e4, 1e6)}
    made |= {f"LwF, weight {weight:g}": (distilled, (weight,), {}) for weight in (0.5, 1.0, 3.0, 10.0)}
    made |= {f"VAE of {size} latents": (decoder, (size,), {}) for size in (8, 16, 32)}
    for components, mixtures in ((20, 30), (50, 30), (50, 100), (100, 30)):
        options = {"components": components, "mixtures": mixtures}
        made[f"mixture of {mixtures} in {components} components"] = (mixture, (), options)
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=["replay", "replay_digits"], default="replay")
    parser.add_argument("--seed", type=int, default=100)
    args = parser.parse_args()
    task = transfer.SETTINGS[args.setting].task(transfer.SETTINGS[args.setting], args.seed, transfer.GENERATORS)
    for name, (function, given, options) in trials(task).items():
        metrics = statistics.measure(function(*given, **options), task.test_labels, [1] * task.num_classes)
        print(f"{name}: balanced accuracy {metrics['balanced_accuracy']:.1%}", flush=True)


if __name__ == "__main__":
    main()
