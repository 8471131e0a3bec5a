"""An input image: its pixels as the model sees them, its place, and the logits of it band by band."""
