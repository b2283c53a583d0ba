"""`python -m keras_ganaug.cli` runs the command `keras-ganaug`."""

from keras_ganaug.cli import main

main(prog_name="keras-ganaug")
