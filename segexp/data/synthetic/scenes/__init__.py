"""Embedded synthetic data: retinas, aerial views and blood smears with exact masks, drawn when needed.

numpy and OpenCV only; nothing here is a copy of a real image.
"""

from segexp.data.synthetic.scenes.catalogue import SCENES, draw_scene, find_scene
from segexp.data.synthetic.scenes.scene import Scene, SceneInfo

__all__ = ["SCENES", "Scene", "SceneInfo", "draw_scene", "find_scene"]
