"""The chain rule: tables of derivatives, cotangents, loops, local derivatives."""
