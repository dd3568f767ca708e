"""The bootstrap of the managed Python runtimes: `python3 -u -s bootstrap.py [LAYER_ROOT]`.

This file is compiled anew at every start, so it only arranges the module path and hands over to the package beside it,
whose compiled form Python keeps. The layer root is /opt unless it is named.
"""

import os
import sys


def arrange_path(task_root, layer_root, runtime_dir):
    """Puts the folders in AWS's order: function, layers, site packages, runtime, standard library."""
    version = "python%d.%d" % sys.version_info[:2]
    layers = os.path.join(layer_root, "python")
    ours = [task_root, os.path.join(layers, "lib", version, "site-packages"), layers]
    rest = [entry for entry in sys.path if entry not in ours and entry != runtime_dir]
    site = [entry for entry in rest if entry.endswith(("site-packages", "dist-packages"))]
    standard = [entry for entry in rest if entry not in site]
    sys.path[:] = ours + site + [runtime_dir] + standard


def main():
    layer_root = sys.argv[1] if len(sys.argv) > 1 else "/opt"
    del sys.argv[1:]
    from lambdad_runtime.loop import run

    preloaded = client = None
    if "_LAMBDAD_GATE" in os.environ:
        from lambdad_runtime.gate import pass_gate

        preloaded, client = pass_gate(layer_root)
    arrange_path(os.environ["LAMBDA_TASK_ROOT"], layer_root, os.path.dirname(os.path.abspath(__file__)))
    run(os.environ.get("_HANDLER", ""), os.environ["AWS_LAMBDA_RUNTIME_API"], preloaded, client)


if __name__ == "__main__":
    main()
