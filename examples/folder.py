# %% [markdown]
"""
# Your own folder of images

From a folder with one subfolder of images for each class to an augmented classifier. Without a folder this makes a small
one, of stand-ins for your photos: samples of the Fashion-MNIST generator that comes along. Two minutes on two CPU cores,
without a download.

    pip install -e ".[examples]" && python examples/folder.py    # the stand-ins
    python examples/folder.py photos --image-size 64 --minutes 30

It prints what is in the folder, how the GAN is trained and how good it is, and the accuracy of a classifier without and
with it. `folder.png` shows real images beside synthetic ones. `examples/notebooks/folder.ipynb` has the same code.
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
    parser.add_argument("folder", nargs="?", help="default: a small one of clothes is made")
    parser.add_argument("--image-size", type=int, help="pixels of each side; default: 64, and 16 without a folder")
    parser.add_argument("--color-mode", choices=("grayscale", "rgb"), help="default: rgb, and grayscale without a folder")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="for the GAN (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of the classifier (default: %(default)s)")
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
# ## Read it
#
# A fifth of each class is held out. The GAN must not see those images: the classifier is tested on them.

# %%
train, test = kga.datasets.from_directory(FOLDER, IMAGE_SIZE, COLOR_MODE, validation_split=0.2)

# %% [markdown]
# ## Train a GAN for as long as you have time
#
# With `directory="run"` the same call resumes after a kill.

# %%
gan = kga.fit_for(train, minutes=MINUTES, test=test)

# %% [markdown]
# ## Look at samples
#
# Do it before you use them. `docs/training.md` says what to do when they are poor.

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
# A quarter of each batch is synthetic. Here the GAN has seen the same images as the classifier, and then it seldom helps:
# `docs/when.md` says where it does.


# %%
def accuracy(batches):
    """Of a new classifier on the images held out."""
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
# ## Keep the generator
#
# As a SavedModel, which runs with TensorFlow alone, or `gan.save("folder.keras")` to train on.

# %%
gan.export("folder_generator")
print("Real and synthetic images: folder.png. The generator: folder_generator")
