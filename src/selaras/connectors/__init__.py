"""Connectors translate between one system and the model. They decide nothing and store nothing."""
