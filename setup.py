"""Packaging of keras_ganaug."""

from pathlib import Path

from setuptools import find_packages, setup

IMAGES = ["pillow>=9.4"]
STUDY = ["filelock>=3.12", "imbalanced-learn>=0.12", "matplotlib>=3.7", "scikit-learn>=1.3", "scipy>=1.13"]
TEST = ["pytest>=8", "pytest-xdist>=3.5", *IMAGES, *STUDY]

setup(
    name="keras_ganaug",
    version="0.1.0",
    description="GANs as Keras models, and their samples as data augmentation for Keras classifiers",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    packages=find_packages(include=["keras_ganaug", "keras_ganaug.*"]),
    python_requires=">=3.10,<3.14",
    install_requires=["tensorflow>=2.15", "keras>=2.15", "numpy>=1.23"],
    extras_require={
        "examples": [*IMAGES, *STUDY],
        "images": IMAGES,
        "study": STUDY,
        "test": TEST,
        "gpu": ["tensorflow[and-cuda]>=2.15"],
        "addons": [
            "tensorflow>=2.15,<2.16",
            "keras>=2.15,<2.16",
            "tensorflow-addons==0.23.0",
            "numpy<2",
        ],
        "benchmarks": STUDY,
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
