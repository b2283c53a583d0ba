"""Both generations of Keras, each with the whole suite: `nox`, or `nox -s addons`.

pip install nox. `.ci/run` leaves the slow tests out of the lane.
"""

import nox

nox.options.sessions = ["lint", "tests", "addons"]


@nox.session
def lint(session):
    session.install("-e", ".[test]", "ruff", "mypy")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def tests(session):
    """The newest TensorFlow and Keras 3: the whole suite."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session(python=["3.11", "3.10"])
def addons(session):
    """TensorFlow 2.15, Keras 2.15 and tensorflow-addons 0.23: the whole suite."""
    session.install("-e", ".[addons,test]")
    session.run("pytest", *session.posargs)
