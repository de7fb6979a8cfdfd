"""lirich: the open-source workbench for lithium-rich manganese-based cathodes."""

__version__ = "0.1.0"
