"""Pure maths of the layer: arrays or frozen dataclasses in, frozen result out."""
