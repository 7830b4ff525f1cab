"""``workers_dmnd.services`` served over AWS, Redis and HTTP; only ``plugin`` and ``tables`` know of it."""
