"""What runs inside the sandbox, beside Python, NumPy, pandas, PyArrow and the model's own needs: nothing else of ours.

The Spark worker imports the same modules for data-only formats, so a row means the same on both sides.
"""
