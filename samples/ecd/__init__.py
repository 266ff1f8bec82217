"""The sample ECD: an Ons-shaped server over a made-up home-care organisation (docs/sample-ecd.md).

It stands on the other side of the gateway and imports nothing of it.
"""
