"""The plugin's settings; their values are in the files beside, ``default`` first, later wins."""

from __future__ import annotations

from worker_runtime import Secret, Settings
from workers_pipeline.codecs import Codec


class DeliverySettings(Settings, frozen=True):
    """How files are compressed, and the secret salt of hashes."""

    codec: Codec
    salt: Secret


class PipelineSettings(Settings, frozen=True):
    """All settings of the plugin."""

    delivery: DeliverySettings
