import os

import leaks
import numpy as np

TIMES = int(os.environ.get("LOCUM_TEST_TIMES", "4000"))


def test_of_what_is_done_often_nothing_is_left(store):
    leaks.check(store, TIMES)


def test_what_is_kept_is_found(store):
    store["T"] = np.zeros(4)
    before = leaks.Usage(store, lambda: 0)
    kept = [store["T"] for _ in range(1000)]
    after = leaks.Usage(store, lambda: 0)
    assert len(kept) == 1000 and after.blocks - before.blocks >= 2000
    assert before.heap_bytes == 0 or after.heap_bytes - before.heap_bytes > 100000
