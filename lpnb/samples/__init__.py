"""The bundled notebooks and sample data, the example bodies of the CONVERSATION page, the exercises."""
