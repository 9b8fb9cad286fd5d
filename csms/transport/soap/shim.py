"""Lets spyne 2.14 be imported: its copy of `six` does not load on Python 3.12 and later (and on 3.11 leaves an importer
behind, over which every later import stumbles), its `cgi` is gone since 3.13 (the package `legacy-cgi` stands in), and
it warns on all. Import spyne inside `importable`."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import operator
import sys
import types
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import six

_COPY: Final = "spyne.util.six"


class _RealSix(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the installed `six` under the name of spyne's copy."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == _COPY or fullname.startswith(f"{_COPY}."):
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return importlib.import_module("six" + spec.name.removeprefix(_COPY))

    def exec_module(self, module: types.ModuleType) -> None:
        """It has been executed under its own name."""


@contextmanager
def importable() -> Iterator[None]:
    """While inside, `import spyne` works on every Python that we support, and quietly. Leaves nothing behind."""
    finder = _RealSix()
    six.get_function_name = operator.attrgetter("__name__")  # spyne's copy has this one function more
    sys.meta_path.insert(0, finder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
