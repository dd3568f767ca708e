"""Modules that were executed before anybody asked for them, kept out of sight until somebody does.

A process that waits for its function loads the bundled SDK. What the function sees of it is what it would see had the
import statement executed the modules: they appear in `sys.modules` when it is reached, in the same order.
"""

import builtins
import os
import sys

#: `importlib.machinery` has it too, but would be there to be seen.
ModuleSpec = type(sys.__spec__)


class Preloaded:
    def __init__(self, names):
        """Executes the modules `names`, with all that they import, and takes them out of sight."""
        known = set(sys.modules)
        places = set(sys.path_importer_cache)
        #: Module -> names that it asks for while it is executed, in order.
        self._asked = {}
        self._load(names)
        order = [name for name in sys.modules if name not in known]
        self._modules = {name: sys.modules.pop(name) for name in order}
        self._all = dict(self._modules)
        self._places = {place: sys.path_importer_cache.pop(place) for place in set(sys.path_importer_cache) - places}
        for name in order:
            self._unbind(name)
        self._adopt(order)

    def _load(self, names):
        original = builtins.__import__

        def recording(name, globals=None, locals=None, fromlist=(), level=0):
            importer = globals.get("__name__") if globals else None
            # What a module's functions import later is not part of its own execution.
            if getattr(getattr(sys.modules.get(importer), "__spec__", None), "_initializing", False):
                package = globals.get("__package__") or ""
                self._note(importer, name, fromlist, level, package)
            return original(name, globals, locals, fromlist, level)

        builtins.__import__ = recording
        try:
            for name in names:
                original(name)
                _warm(name)
        finally:
            builtins.__import__ = original

    def _note(self, importer, name, fromlist, level, package):
        if level:
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - level + 1])
            name = base + "." + name if name else base
        asked = self._asked.setdefault(importer, [])
        asked.append(name)
        asked.extend(name + "." + item for item in fromlist or () if item != "*")

    def _adopt(self, order):
        """What came without an import statement belongs to what was executed right after it."""
        asked = {name for names in self._asked.values() for name in names}
        orphans = []
        for name in order:
            if name not in asked:
                orphans.append(name)
            elif orphans:
                self._asked[name] = orphans + self._asked.get(name, [])
                orphans = []

    def _unbind(self, name):
        parent, _, child = name.rpartition(".")
        holder = self._modules.get(parent) or sys.modules.get(parent)
        if holder is not None and holder.__dict__.get(child) is self._modules[name]:
            del holder.__dict__[child]

    def forget_unless_alone(self, folders):
        """Lets go of everything when one of the folders, which come first in the search, has a module of such a name."""
        tops = {name.partition(".")[0] for name in self._modules}
        for folder in folders:
            try:
                entries = os.listdir(folder)
            except OSError:
                continue
            if any(entry.partition(".")[0] in tops for entry in entries):
                self._modules.clear()
                return

    def find_spec(self, name, when_restored):
        """The spec of a module that was loaded, or None. `when_restored(module name)` is called for each that appears."""
        module = self._modules.get(name)
        if module is None or module.__spec__ is None:
            return None
        spec = module.__spec__
        self._restore(name, when_restored)
        return ModuleSpec(name, _Loader(module, spec), origin=spec.origin, is_package=hasattr(module, "__path__"))

    def _restore(self, name, when_restored):
        """Dependencies first: each module of the import system ends up behind what it has imported."""
        module = self._modules.pop(name, None)
        if module is None:
            return
        parent, _, child = name.rpartition(".")
        if parent:
            self._restore(parent, when_restored)
        for asked in self._asked.get(name, ()):
            steps = asked.split(".")
            for count in range(1, len(steps) + 1):
                self._restore(".".join(steps[:count]), when_restored)
        for place in getattr(module, "__path__", ()):
            if place in self._places:
                sys.path_importer_cache[place] = self._places[place]
        sys.modules[name] = module
        when_restored(name)
        sys.modules[name] = sys.modules.pop(name)
        # A package shows its modules while it is still executed.
        holder = self._all.get(parent) or sys.modules.get(parent)
        if holder is not None:
            setattr(holder, child, module)


def _warm(name):
    """A client of a service that is never asked for anything: what its making loads and compiles is there afterwards."""
    if name != "boto3":
        return
    session = sys.modules["boto3"].session.Session("none", "none", region_name="us-east-1")
    session.client("s3").close()


class _Loader:
    def __init__(self, module, spec):
        self._module = module
        self._spec = spec

    def create_module(self, spec):
        return self._module

    def exec_module(self, module):
        # The import system has just written its own there.
        module.__spec__ = self._spec
        module.__loader__ = self._spec.loader
