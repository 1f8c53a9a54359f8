"""Loads a script of tools/ as a module, though its name has no .py and may have a hyphen."""

import importlib.machinery
import importlib.util
import os

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))


def load(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), os.path.join(ROOT, "tools", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module
