"""Descriptors: what a dopant does to oxygen, migration, voltage and strain, each as a plan of relaxations."""
