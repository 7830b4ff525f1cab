"""The services of ``workers_dmnd.services`` over AWS, Redis and HTTP; only ``plugin`` and ``tables`` know them."""
