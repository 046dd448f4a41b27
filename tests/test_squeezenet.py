"""SqueezeNet with its ImageNet weights, where they lie beside the checkout."""

import numpy as np
import pytest
from keras import ops
from PIL import Image
from sklearn.datasets import load_sample_image

import squeezenet

pytestmark = pytest.mark.skipif(
    not squeezenet.WEIGHTS.is_file(), reason=f"no file {squeezenet.WEIGHTS}"
)


def picture(name, size=227):
    """The middle square of a sample image, in RGB pixels."""
    image = Image.fromarray(load_sample_image(name))
    side = min(image.size)
    left, top = ((length - side) // 2 for length in image.size)
    image = image.crop((left, top, left + side, top + side))
    return np.array(image.resize((size, size), Image.Resampling.BICUBIC), "float32")


@pytest.fixture(scope="module")
def classifier():
    return squeezenet.squeezenet(top=True)


# Bell cote, church, dome, monastery, mosque, palace, stupa.
TEMPLES = [442, 497, 538, 663, 668, 698, 832]


@pytest.mark.parametrize("size, least", [(227, 0.25), (128, 0.8)])
def test_a_temple_is_one(classifier, size, least):
    pixels = picture("china.jpg", size)
    # In the order that Caffe takes; with red and blue exchanged it is a boathouse.
    logits = classifier(np.stack([pixels, pixels[..., ::-1]]))
    temple, exchanged = ops.sum(ops.softmax(logits).numpy()[:, TEMPLES], axis=1)
    assert int(np.argmax(logits[0])) == 442
    assert temple > least and temple > 2 * exchanged


def test_logits_are_those_of_the_features(classifier):
    pixels = picture("china.jpg", 64)[None]
    weights = np.load(squeezenet.WEIGHTS)
    kernel = weights["conv_final/w"][:, :, 0, 0].T.astype("float64")
    features = squeezenet.squeezenet()(pixels).numpy()
    # Caffe pads this convolution, too, and the average is over its border as well.
    padded = np.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = np.maximum(padded @ kernel + weights["conv_final/b"], 0.0).mean((1, 2))
    np.testing.assert_allclose(classifier(pixels), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size, places", [(35, 1), (64, 3), (224, 13), (227, 13)])
def test_sizes_are_caffe_s(size, places):
    shape = squeezenet.squeezenet().compute_output_shape((1, size, size, 3))
    assert shape == (1, places, places, 512)
