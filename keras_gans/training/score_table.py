"""Scores as a table."""

MEANINGS = {
    "fid": "Fréchet distance from test images, in a classifier's features",
    "kid": "kernel distance, likewise",
    "real_fid": "Fréchet distance of real images from test images",
    "real_kid": "kernel distance, likewise",
    "classes_produced": "classes that are generated",
    "entropy": "of these classes, in nats",
    "entropy_share": "1 for all classes equally often",
    "label_share": "images of the class that was asked for",
    "l1": "mean |difference| from test images in [-1, 1], mean of the next two",
    "unaided_l1": "coloured without hints",
    "hinted_l1": "coloured after hints",
    "l1_red": "of l1, the red channel",
    "l1_green": "the green channel",
    "l1_blue": "the blue channel",
    "hint_error": "of the mean colour under dabs, small if they are obeyed",
    "unaided_hint_error": "of the same places without hints",
    "psnr": "peak signal-to-noise ratio in dB, of translations of test pairs",
    "ssim": "structural similarity, likewise; 1 for equal images",
    "mae": "mean |difference|, likewise, in [-1, 1]",
    "target_accuracy": "edits after which a classifier sees what was wanted",
    "given_accuracy": "of the edits that give an attribute",
    "removed_accuracy": "of the edits that take one away",
    "preservation_accuracy": "other attributes that it sees as they were",
    "classifier_accuracy": "attributes of real images that it tells",
    "change_l1": "mean |difference| from the image, as a share of the range",
    "likeness": "1 minus change_l1 in units of the difference of two images",
    "border_l1": "of the 8 pixels along the border",
    "background_l1": "of the pixels outside of the mask",
    "mask_share": "share of the pixels inside of the mask",
}

# Of translations with labels: heading and format.
_COLUMNS = {
    "kept": ("label kept", ".1%"),
    "floor": ("untranslated (floor)", ".1%"),
    "ceiling": ("real (ceiling)", ".1%"),
    "read": ("read by both domains' reader", ".1%"),
    "reader_fid": ("FID in its features", ".2f"),
    "color_spread": ("spread of colours", ".2f"),
    "real_color_spread": ("real", ".2f"),
    "style_diversity": ("difference of styles", ".2f"),
    "image_distance": ("of real images", ".2f"),
    "cycle_l1": ("cycle L1", ".4f"),
}


def score_table(scores):
    """Formats scores as a Markdown table."""
    if "xy" not in scores:
        rows = [f"| {' | '.join(row)} |" for row in score_rows(scores)]
        return "\n".join(["| score | value | meaning |", "|:--|--:|:--|", *rows])
    # Of scores that were saved by an earlier version some are missing.
    columns = {
        name: column
        for name, column in _COLUMNS.items()
        if any(name in score for score in scores.values())
    }
    lines = [
        f"| direction | {' | '.join(head for head, _ in columns.values())} |",
        f"|:--|{'--:|' * len(columns)}",
    ]
    for direction, score in scores.items():
        arrow = " → ".join(direction.upper())
        # Where there is no way back, nothing comes back.
        cells = [
            format(score[name], kind) if name in score else "–"
            for name, (_, kind) in columns.items()
        ]
        lines.append(f"| {arrow} | {' | '.join(cells)} |")
    return "\n".join(lines)


def score_rows(scores):
    """Lists scores as triples of strings: name, value and meaning."""
    if "xy" not in scores:
        return [
            [name, f"{value:.4g}", _meaning(name)] for name, value in scores.items()
        ]
    return [
        [f"{' → '.join(direction.upper())}, {head}", format(score[name], kind), ""]
        for direction, score in scores.items()
        for name, (head, kind) in _COLUMNS.items()
        if name in score
    ]


def _meaning(name):
    name, _, of = name.partition("/")
    return f"of {of} alone" if of else MEANINGS.get(name, "")
