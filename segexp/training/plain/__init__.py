"""Training of LightningModules on LightningDataModules that know nothing of segexp."""
