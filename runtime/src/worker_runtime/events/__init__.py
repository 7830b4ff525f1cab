"""Events as Lambda sends them, made for tests and tries: one module a source, re-exported by ``testing``."""
