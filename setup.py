"""Build the compiled modules: `cython_ext/dualad/_name.pyx` becomes `dualad._name`."""

import subprocess
import sys
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCES = Path("cython_ext", "dualad")
DIRECTIVES = {"language_level": 3, "boundscheck": False, "wraparound": False, "embedsignature": True}
# A fused multiply-add would round once where NumPy rounds twice; the values here are NumPy's to the last bit. Nobody
# asks whether a loop raised a floating-point flag or set errno, and without them it can be vectorized. The bits of a
# double are looked at as those of a whole number here and there.
FLAGS = ["-O3", "-ffp-contract=off", "-fno-trapping-math", "-fno-math-errno", "-fno-strict-aliasing"]

# The C header that follows from the operator table, made in a process of its own, which imports only a part of dualad.
subprocess.run([sys.executable, Path("cython_ext", "generate.py")], check=True)

HEADERS = {
    "_kernel": ("loops.h",),
    "_partials": ("loops.h", "backward.h"),
    "_scale": ("loops.h",),
    "_program": ("machine.h", "parts.h", "groups.h", "wholes.h", "scalars.h", "loops.h", "waves.h"),
    "_groups": ("parts.h",),
    "_nodes": ("parts.h",),
    "_pairs": ("parts.h",),
    "_scalars": ("parts.h",),
    "_calls": ("parts.h",),
    "_loaded": ("parts.h",),
}


def extension(source: Path) -> Extension:
    return Extension(
        f"dualad.{source.stem}",
        [str(source)],
        include_dirs=[numpy.get_include(), str(SOURCES)],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        extra_compile_args=FLAGS,
        depends=[str(SOURCES / name) for name in HEADERS.get(source.stem, ())],
    )


setup(
    ext_modules=cythonize(
        [extension(source) for source in sorted(SOURCES.glob("_*.pyx"))],
        include_path=["cython_ext"],
        compiler_directives=DIRECTIVES,
        build_dir="build/cython",
    )
)
