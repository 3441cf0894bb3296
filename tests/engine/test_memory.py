"""What the allocator keeps for itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, os, re, sys, tempfile, threading

from napari_phenotyper.engine.runner import Threads

libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.fdopen.argtypes = [ctypes.c_int, ctypes.c_char_p]
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]

def heaps():
    path = os.path.join(tempfile.mkdtemp(), "info.xml")
    stream = libc.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY), b"w")
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    with open(path) as file:
        return len(re.findall("<heap nr", file.read()))

def job(wait, progress):
    wait.wait()
    kept.append(libc.malloc(1000))

kept, before, wait = [], heaps(), threading.Barrier(12)
threads = Threads(12)
for running in [threads.submit(job, (wait,)) for _ in range(12)]:
    running.future.result(30)
print(heaps() - before)
threads.close()
"""

FREED = """
import ctypes

from napari_phenotyper.engine.memory import give_back

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

blocks = [libc.malloc(60_000) for _ in range(2000)]
for block in blocks:
    ctypes.memset(block, 1, 60_000)
for block in blocks[:-1]:  # the last one holds the top of the heap
    libc.free(block)
before = resident()
give_back()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc opens a heap for each thread")
def test_twelve_threads_that_allocate_at_once_open_no_heap_each():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout) <= 2


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps what was freed below the top of its heap")
def test_what_was_freed_goes_back_to_the_system():
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout) > 50_000_000
