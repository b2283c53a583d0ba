"""Plots of images and samples: grids, nearest training images, frequency spectra."""

from keras_ganaug.plots.grids import image_grid
from keras_ganaug.plots.neighbors import nearest_images
from keras_ganaug.plots.picture import Picture
from keras_ganaug.plots.spectra import spectra

__all__ = ["Picture", "image_grid", "nearest_images", "spectra"]
