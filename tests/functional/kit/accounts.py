def missing(box):
    """{pool: buffers that are somewhere}, of those that lack some."""
    buffers = box.stats()["buffers"]
    return {name: count for name, count in buffers.items() if name.endswith("_in_use") and count}


def all_home(box, seconds=10):
    """Waits until no buffer is missing; those that are."""
    poll(seconds, lambda: not missing(box), 0.2)
    return missing(box)
