"""The work of every camera: uneven light, low-frequency texture, blur and noise."""

import cv2
import numpy as np

from segexp.data.synthetic.scenes.canvas import Canvas
from segexp.data.synthetic.scenes.scene import Bytes, Floats, Scene, Shape


def texture(rng: np.random.Generator, shape: Shape, wavelength: float) -> Floats:
    """Smooth random field.

    Args:
        rng: Source of randomness.
        shape: (H, W).
        wavelength: Distance of independent values, in pixels.

    Returns:
        float32 (H, W), mean about 0, standard deviation about 1.
    """
    # Two values more than fit, at least five, so that the part near the border is no extrapolation.
    rows, columns = (max(5, int(side / wavelength) + 3) for side in shape)
    coarse = rng.standard_normal((rows, columns), np.float32)
    # Cubic interpolation averages neighbours; 1.25 restores the spread.
    inner = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(inner * np.float32(1.25))


def fractal(rng: np.random.Generator, shape: Shape, wavelength: float, octaves: int = 3) -> Floats:
    """Sum of textures, each of half the wavelength and 0.6 of the weight of the one before.

    Returns:
        float32 (H, W), mean about 0, standard deviation about 1.
    """
    total = np.zeros(shape, np.float32)
    power = 0.0
    for octave in range(octaves):
        weight = 0.6**octave
        total += np.float32(weight) * texture(rng, shape, wavelength / 2**octave)
        power += weight**2
    return np.asarray(total / np.float32(np.sqrt(power)))


def uneven_light(rng: np.random.Generator, shape: Shape, strength: float) -> Floats:
    """A lamp that is off centre: a slope across the image plus broad spots.

    Args:
        rng: Source of randomness.
        shape: (H, W).
        strength: About the standard deviation of the factor.

    Returns:
        float32 (H, W), factors around 1, never below 0.25.
    """
    angle = rng.uniform(0, 2 * np.pi)
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    slope = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y
    spots = texture(rng, shape, max(shape) / 2.5)
    field = np.float32(1) + np.float32(strength) * (slope + np.float32(0.6) * spots)
    return np.asarray(np.maximum(field, np.float32(0.25)))


def soften(image: Floats, sigma: float) -> Floats:
    """Gaussian blur of the optics, ``sigma`` in pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma))


def grain(rng: np.random.Generator, image: Floats, rough: Floats, sigma: float) -> None:
    """Add the texture of surfaces and the noise of the sensor, in place.

    Args:
        rng: Source of randomness.
        image: float32 (H, W, 3).
        rough: float32 (H, W), amplitude of the texture in grey values; it is the same in all channels.
        sigma: Standard deviation of the sensor noise in grey values, independent per channel.
    """
    shape = (image.shape[0], image.shape[1])
    surface = rng.standard_normal(shape, np.float32)
    # Leaves and shingles are wider than a pixel: the blurred part is scaled back to about unit spread.
    surface += np.float32(3) * cv2.GaussianBlur(surface, (0, 0), 1.0)
    image += (np.float32(0.6) * rough * surface)[..., None]
    image += np.float32(sigma) * np.moveaxis(rng.standard_normal((3, *shape), np.float32), 0, 2)


def to_bytes(image: Floats) -> Bytes:
    """Round and clip to uint8."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def expose(
    rng: np.random.Generator,
    image: Floats,
    canvas: Canvas,
    classes: int,
    blur: tuple[float, float],
    noise: float,
    kind: int = 0,
) -> Scene:
    """Takes the photograph of a scene that fills the view: texture of surfaces, blur of the optics, noise.

    Args:
        rng: Source of randomness.
        image: float32 (H, W, 3), 0..255; it is changed.
        canvas: Gives mask and roughness.
        classes: Number of classes.
        blur: Least and largest blur in pixels.
        noise: Standard deviation of the sensor noise in grey values.
        kind: Kind of the main object.
    """
    grain(rng, image, canvas.roughness(), 0.0)
    image = soften(image, rng.uniform(*blur))
    grain(rng, image, np.zeros(canvas.shape, np.float32), noise)
    return Scene(to_bytes(image), canvas.mask(classes), np.ones(canvas.shape, np.uint8), kind)
