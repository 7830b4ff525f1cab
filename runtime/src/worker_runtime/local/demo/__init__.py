"""``workers demo``: a plugin's scenario on a stage, watched live and judged by a ledger of its own.

What is shown comes from plugins (``local/offers.py``, ``Scenario``); nothing here knows their domain.
"""
