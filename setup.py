"""Packaging of keras_ganaug."""

import re
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
URL = "https://github.com/keras-ganaug/keras_ganaug"

# `.ci/run` tries the lowest versions of all of them.
IMAGES = ["pillow>=10.3"]
STUDY = [
    "cloudpickle>=3",
    "filelock>=3.12",
    "imbalanced-learn>=0.12",
    "matplotlib>=3.7",
    "scikit-learn>=1.3",
    "scipy>=1.15",
]
CLI = ["click>=8.2"]
TENSORBOARD = ["tensorboard>=2.15"]  # which TensorFlow installs no more
DOCS = ["furo>=2024.8.6", "myst-parser>=4", "sphinx>=8.1", "sphinx-copybutton>=0.5.2"]
NOTEBOOKS = ["ipykernel>=6.29", "jupytext>=1.16", "nbclient>=0.10"]  # to make and to run those of `examples/notebooks`
EXPORTS = ["ai-edge-litert>=1.4", "onnx>=1.17", "onnxruntime>=1.20", "tf2onnx>=1.17"]
SPEED = ["jax>=0.6", "torch>=2.6"]  # what `benchmarks/speed.py` and `benchmarks/gpu.py` compare with, and run on
TEST = ["distributed>=2024.8", "pytest>=8", "pytest-xdist>=3.5", *CLI, *EXPORTS, *IMAGES, *STUDY, *TENSORBOARD]


def version():
    """The version, which is written in the package alone."""
    text = (ROOT / "keras_ganaug" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"', text, re.MULTILINE)[1]


def readme():
    """The README, with links that lead somewhere from a package index too."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"(!\[[^]]*\]\()(?!\w+:|#)", rf"\1{URL}/raw/main/", text)
    return re.sub(r"((?<!!)\[[^]]*\]\()(?!\w+:|#)", rf"\1{URL}/blob/main/", text)


class WithGenerators(build_py):
    """Puts the shipped generators into the package, without their pictures and cards. A checkout has them beside it."""

    def run(self):
        super().run()
        loaded = ("saved_model.pb", "fingerprint.pb", "variables/*", "assets.extra/*")
        files = [] if self.editable_mode else [file for part in loaded for file in ROOT.glob(f"saved_models/*/{part}")]
        for file in files:
            target = Path(self.build_lib, "keras_ganaug", file.relative_to(ROOT))
            self.mkpath(str(target.parent))
            self.copy_file(str(file), str(target))


setup(
    name="keras_ganaug",
    version=version(),
    description="GANs as Keras models, and their samples as data augmentation for Keras classifiers",
    long_description=readme(),
    long_description_content_type="text/markdown",
    author="The keras_ganaug authors",
    url=URL,
    project_urls={
        "Source": URL,
        "Issues": f"{URL}/issues",
        "Changelog": f"{URL}/blob/main/CHANGELOG.md",
        "Documentation": f"{URL}/tree/main/docs",
    },
    license="MIT",
    keywords=[
        "GAN",
        "Keras",
        "TensorFlow",
        "data augmentation",
        "class imbalance",
        "synthetic data",
        "image classification",
    ],
    packages=find_packages(include=["keras_ganaug", "keras_ganaug.*"]),
    package_data={"keras_ganaug": ["py.typed"]},
    entry_points={"console_scripts": ["keras-ganaug=keras_ganaug.cli:main"]},
    cmdclass={"build_py": WithGenerators},
    python_requires=">=3.10,<3.14",
    install_requires=["tensorflow>=2.15", "keras>=2.15", "numpy>=1.23.5"],
    extras_require={
        "cli": [*CLI, *IMAGES, *STUDY],
        "docs": DOCS,
        "examples": [*CLI, *IMAGES, *STUDY],
        "exports": EXPORTS,
        "images": IMAGES,
        "notebooks": NOTEBOOKS,
        "study": STUDY,
        "tensorboard": TENSORBOARD,
        "test": TEST,
        "gpu": ["tensorflow[and-cuda]>=2.15"],
        "addons": [
            "tensorflow>=2.15,<2.16",
            "keras>=2.15,<2.16",
            "tensorflow-addons==0.23.0",
            "numpy<2",
        ],
        "benchmarks": [*STUDY, *SPEED],
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Processing",
        "Typing :: Typed",
    ],
)
