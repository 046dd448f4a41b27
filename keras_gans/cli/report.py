"""`keras-gans report`: write one HTML file about runs, side by side.

Writes one HTML file about a run, or about several side by side: pictures over time,
loss curves, scores, configuration and versions. It opens from the disk in any browser,
without a network, and can be sent as it is; like run.json, it names the folders of the
data. Runs may still be in training.

Args:
    runs: folders of runs
    output: HTML file; an earlier report is replaced (default: report.html in the folder
        of the run, of several runs in the current folder)
    pictures: most pictures of each run, evenly chosen (default: 60). All together take
        at most 30 MB; beyond that they become smaller

examples:
  keras-gans report runs/digits-1
  keras-gans report runs/digits-1 runs/digits-2 --output both.html
"""

import pathlib

from keras_gans.cli.options import add_verb, positive


def add_to(verbs):
    _, add = add_verb(verbs, "report", _report, __doc__, is_light=True)
    add("runs", nargs="+", type=pathlib.Path, metavar="RUN_DIR")
    add("--output", type=pathlib.Path, metavar="FILE")
    add("--pictures", type=positive, metavar="N")


def _report(options):
    from keras_gans.training.report import MAX_PICTURES, write_report

    alone = options.runs[0] if len(options.runs) == 1 else pathlib.Path()
    path = options.output or alone / "report.html"
    names = ", ".join(map(str, options.runs))
    print(f"Reporting on {names}", flush=True)
    for note in write_report(options.runs, path, options.pictures or MAX_PICTURES):
        print(f"  {note}")
    megabytes = path.stat().st_size / 1e6
    print(f"Wrote {path} ({megabytes:.1f} MB). Open it in a browser.")
