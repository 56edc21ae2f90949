"""The bundled adapters, which `boundary.target.BUNDLED` names, and the code that they share."""
