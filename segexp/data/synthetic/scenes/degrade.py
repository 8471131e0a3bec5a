"""What every camera adds: uneven light, low-frequency texture, blur and noise."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.data.synthetic.scenes.scene import Bytes, Shape

Floats = NDArray[np.float32]


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
    for channel in range(3):
        image[..., channel] += np.float32(sigma) * rng.standard_normal(shape, np.float32)


def to_bytes(image: Floats) -> Bytes:
    """Round and clip to uint8."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
