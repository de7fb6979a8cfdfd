"""cycling."""
