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


def score_table(scores):
    """Formats scores as a Markdown table."""
    if "xy" not in scores:
        rows = [
            f"| {name} | {value:.4g} | {_meaning(name)} |"
            for name, value in scores.items()
        ]
        return "\n".join(["| score | value | meaning |", "|:--|--:|:--|", *rows])
    lines = [
        "| direction | label kept | untranslated (floor) | real (ceiling) | cycle L1 |",
        "|:--|--:|--:|--:|--:|",
    ]
    for direction, score in scores.items():
        arrow = " → ".join(direction.upper())
        # Where there is no way back, nothing comes back.
        cycle = f"{score['cycle_l1']:.4f}" if "cycle_l1" in score else "–"
        lines.append(
            f"| {arrow} | {score['kept']:.1%} | {score['floor']:.1%} | "
            f"{score['ceiling']:.1%} | {cycle} |"
        )
    return "\n".join(lines)


def _meaning(name):
    name, _, of = name.partition("/")
    return f"of {of} alone" if of else MEANINGS.get(name, "")
