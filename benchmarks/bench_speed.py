"""Speed of the classifiers: predicting very many cells, and learning from few; and of cutting crops for networks.

`python benchmarks/bench_speed.py [THREADS]` writes benchmarks/results/speed.json. Peers take turns with us in one run.
Cells are drawn at random: 200 columns, 16 classes that overlap about as much as real ones (95 % right).
"""

from __future__ import annotations

import sys

import torch
from _bench import write
from _speed_crops import measure as crops
from _speed_features import fitting, linear, memory, rbf
from _speed_nets import measure as networks


def main() -> None:
    """Measure and write."""
    from threadpoolctl import threadpool_limits

    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    with threadpool_limits(threads):
        rows = [*rbf(threads), *linear(threads), *fitting(threads), *memory()]
    torch.set_num_threads(threads)
    rows += [*networks(), *crops()]
    write("speed", rows)


if __name__ == "__main__":
    main()
