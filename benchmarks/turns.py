"""Times several things in turns. Needs neither TensorFlow nor PyTorch."""

import statistics
import time


class Contender:
    """Something that is timed.

    Args:
        run: Function without arguments that runs once.
        times: How often it is called in a round.
        finish: Function without arguments that waits for all calls. Defaults to None: `run` itself waits.
    """

    def __init__(self, run, times, finish=None):
        self.run, self.times, self.finish, self.seconds = run, times, finish or (lambda: None), []

    def _timed(self, calls):
        start = time.perf_counter()
        for _ in range(calls):
            self.run()
        self.finish()
        return time.perf_counter() - start

    def warm_up(self, calls=2):  # StyleGAN's first step has the penalty and the second does not
        self.first = self._timed(calls)

    def round(self):
        self.seconds.append(self._timed(self.times) / self.times)

    def result(self):
        ms = [float(f"{1e3 * each:.4g}") for each in self.seconds]
        return {"ms": statistics.median(ms), "rounds_ms": ms, "first_calls_s": round(self.first, 2)}


def compare(makers, rounds, look):
    """Times contenders in turns.

    Args:
        makers: Dict from a name to a function that makes a `Contender`. One that fails is reported with its error.
        rounds: Number of rounds.
        look: Function without arguments, called before each round and after the last.

    Returns a dict by name: milliseconds of a call, or an error.
    """
    contenders, results = {}, {}
    for name, make in makers.items():
        try:
            contender = make()
            contender.warm_up()
            contenders[name] = contender
        except Exception as error:  # a compiler that is missing, an operation that cannot be compiled
            words = str(error).strip().splitlines() or [""]
            results[name] = {"error": f"{type(error).__name__}: {words[0][:200]}"}
    for _ in range(rounds):
        look()
        for contender in contenders.values():
            contender.round()
    look()
    return {name: contenders[name].result() if name in contenders else results[name] for name in makers}
