"""Packages that only studies need."""

from keras_ganaug._extras import load as load
