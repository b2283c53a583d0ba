# %% [markdown]
"""
# Your own folder of images

From a folder with one subfolder of images for each class to an augmented classifier. If you name no folder, the script
creates a small one with samples of the included Fashion-MNIST generator instead of photos. It takes two minutes on two CPU
cores and downloads no data.

    pip install -e ".[examples]" && python examples/folder.py    # with samples instead of photos
    python examples/folder.py photos --image-size 64 --minutes 30

It prints what is in the folder, how it trains the GAN, how good the GAN is, and the accuracy of a classifier with and
without it. `folder.png` shows real images beside synthetic ones. `examples/notebooks/folder.ipynb` has the same code.
"""

# %%
import argparse
import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import keras_ganaug as kga

# %% tags=["parameters"]
FOLDER = None  # yours, such as "photos"
IMAGE_SIZE, COLOR_MODE = 16, "grayscale"  # "rgb" for colour
MINUTES = 1.5  # for the GAN
EPOCHS = 4  # of the classifier

# %% tags=["active-py"]
if __name__ == "__main__":
    text = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__.lstrip("\n# "), formatter_class=text)
    parser.add_argument("folder", nargs="?", help="default: a small folder of clothes, which the script creates")
    parser.add_argument("--image-size", type=int, help="pixels of each side; default: 64, or 16 without a folder")
    parser.add_argument("--color-mode", choices=("grayscale", "rgb"), help="default: rgb, or grayscale without a folder")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="training time of the GAN (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="epochs of the classifier (default: %(default)s)")
    options = parser.parse_args()
    FOLDER, MINUTES, EPOCHS = options.folder, options.minutes, options.epochs
    IMAGE_SIZE = options.image_size or (64 if FOLDER else IMAGE_SIZE)
    COLOR_MODE = options.color_mode or ("rgb" if FOLDER else COLOR_MODE)

# %%
if FOLDER is None:
    FOLDER = tempfile.mkdtemp()
    clothes = {"Trouser": 150, "Pullover": 150, "Sandal": 150, "Bag": 150}
    kga.to_directory(kga.load_pretrained("fashion_mnist"), FOLDER, clothes, seed=1)

# %% [markdown]
# ## Read the images
#
# Hold out a fifth of each class to test the classifier. The GAN must not see these images.

# %%
train, test = kga.datasets.from_directory(FOLDER, IMAGE_SIZE, COLOR_MODE, validation_split=0.2)

# %% [markdown]
# ## Train a GAN for as long as you have time
#
# With `directory="run"`, the same call resumes training after a kill.

# %%
gan = kga.fit_for(train, minutes=MINUTES, test=test)

# %% [markdown]
# ## Look at samples
#
# Always look at samples before you use them. `docs/training.md` explains what to do if they are poor.

# %%
names = train.class_names
images, labels = kga.datasets.to_arrays(train)
columns = min(8, np.bincount(labels).min())
real = [images[labels == c][:columns] for c in range(len(names))]
synthetic = gan.generate(np.repeat(np.arange(len(names)), columns), seed=1)
picture = kga.plots.image_grid({"real": real, "synthetic": synthetic.reshape(np.shape(real))}, names)
picture.save("folder.png")

# %% tags=["active-ipynb"]
# picture

# %% [markdown]
# ## Augment a classifier
#
# A quarter of each batch is synthetic. Here the GAN has seen the same images as the classifier, so it seldom helps.
# `docs/when.md` explains when a GAN helps.


# %%
def accuracy(batches):
    """The accuracy of a new classifier on the held-out images."""
    keras.utils.set_random_seed(0)
    classifier = kga.networks.classifier.classifier(images.shape[1:], len(names))  # or your own Keras model
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile("adam", loss, metrics=["accuracy"])
    classifier.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0)
    return classifier.evaluate(test.batch(64), verbose=0)[1]


batches = train.cache().shuffle(len(labels), seed=0).repeat(5).batch(32, drop_remainder=True)
print(f"Accuracy without the GAN: {accuracy(batches):.1%}")
gan_augment = kga.gan_augment(gan, fraction=0.25, seed=0)
print(f"Accuracy with a quarter of each batch synthetic: {accuracy(batches.map(gan_augment)):.1%}")

# %% [markdown]
# ## Save the generator
#
# A SavedModel runs with TensorFlow only. Use `gan.save("folder.keras")` if you want to continue training.

# %%
gan.export("folder_generator")
print("Real and synthetic images: folder.png. The generator: folder_generator")
