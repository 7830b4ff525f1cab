"""Whole stacks on one machine, with real parts; behaviour is Lambda's."""
