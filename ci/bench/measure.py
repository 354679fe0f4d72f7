"""Runs commands as whole processes and keeps what was measured. Knows no program by name."""

import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass


class Failed(Exception):
    """A command that ended with an error: what was measured would mean nothing."""


@dataclass(frozen=True)
class Figure:
    """Samples of one quantity, in one unit."""

    samples: tuple[float, ...]

    @property
    def median(self):
        return statistics.median(self.samples)

    def map(self, function):
        return Figure(tuple(function(sample) for sample in self.samples))

    def json(self):
        return {"median": self.median, "min": min(self.samples), "max": max(self.samples), "samples": self.samples}


def wall(command, folder, environment=None):
    """Seconds from before the process starts to after it ended."""
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        code = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        ).returncode
        taken = time.perf_counter() - start
        if code != 0:
            errors.seek(0)
            raise Failed(f"`{' '.join(command)}` ended with {code}:\n{errors.read().decode(errors='replace')[-2000:]}")
    return taken


def output(command, folder, environment=None):
    """What a command prints to stdout."""
    run = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if run.returncode != 0:
        raise Failed(f"`{' '.join(command)}` ended with {run.returncode}:\n{run.stderr[-2000:]}")
    return run.stdout


def peak_memory(command, folder, environment=None):
    """Bytes resident at most. Asked of time(1): this process's own size would count for its children."""
    with tempfile.NamedTemporaryFile() as report:
        wall(["/usr/bin/time", "-f", "%M", "-o", report.name, *command], folder, environment)
        return int(report.read()) * 1024


def alternate(runs, subjects):
    """Figures of several subjects (name -> function giving a sample), taken in turn so that drift meets all alike."""
    samples = {name: [] for name in subjects}
    for _ in range(runs):
        for name, sample in subjects.items():
            samples[name].append(sample())
    return {name: Figure(tuple(taken)) for name, taken in samples.items()}


def machine():
    """What the figures depend on beside the programs."""
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    policies = {os.SCHED_OTHER: "other", os.SCHED_FIFO: "fifo", os.SCHED_RR: "rr", os.SCHED_BATCH: "batch"}
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "processor": models[0] if models else os.uname().machine,
        "kernel": os.uname().release,
        "load": round(os.getloadavg()[0], 1),
        "scheduling": policies.get(os.sched_getscheduler(0), "unknown"),
    }
