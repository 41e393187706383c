# SPDX-License-Identifier: GPL-2.0
"""An exporter that takes its memory back while traffic goes there, again and again, and
how long the importer lets it wait: softgpu moves all its buffers out of VRAM, the
events of dma_buf_pfn tell."""

import contextlib
import glob
import threading
import time

TRACE = "/sys/kernel/tracing"
EVENT = TRACE + "/events/dma_buf_pfn/invalidate/enable"
PACKETS = "/sys/class/infiniband/{}/ports/1/hw_counters/sent_pkts"
BUSY = 100                  # packets: traffic has begun
AWAY, BACK = 0.03, 0.05     # seconds that buffers stay where they are


def put(name, text):
    """Write to a small file of the kernel's."""
    with open(name, "w", encoding="ascii") as file:
        file.write(text)


def packets(device):
    """Sent by a device so far."""
    with open(PACKETS.format(device), encoding="ascii") as file:
        return int(file.read())


def move(gpu, device, stop):
    """Once DEVICE sends, evict and restore until STOP."""
    begin = packets(device)
    while packets(device) < begin + BUSY and not stop.wait(0.01):
        pass
    put(TRACE + "/tracing_on", "1")
    while not stop.is_set():
        for what, pause in (("evict", AWAY), ("restore", BACK)):
            # no buffer, or no room in VRAM: some other time
            with contextlib.suppress(OSError):
                put(f"{gpu}/{what}", "all")
            time.sleep(pause)


@contextlib.contextmanager
def moving(device):
    """While this lasts, softgpu's buffers move. Gives a function that says what the events
    of that time were."""
    gpus = [name.rsplit("/", 1)[0] for name in glob.glob("/sys/kernel/debug/dri/*/evict")]
    if not gpus:
        raise OSError("softgpu is not there")
    stop = threading.Event()
    mover = threading.Thread(target=move, args=(gpus[0], device, stop))
    put(TRACE + "/tracing_on", "0")
    put(TRACE + "/trace", "")
    put(EVENT, "1")
    mover.start()

    def events():
        with open(TRACE + "/trace", encoding="utf-8") as file:
            return file.read()

    try:
        yield events
    finally:
        stop.set()
        mover.join()
        put(EVENT, "0")
        put(TRACE + "/tracing_on", "1")
