"""scikit-learn estimators that recipes are made of, and their export to ONNX.

The estimators are dataclasses: their fields are the parameters that ``get_params``, ``set_params`` and
``clone`` of scikit-learn work with.
"""
