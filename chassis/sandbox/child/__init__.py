"""What runs inside the sandbox, beside Python, NumPy, pandas, PyArrow and a model's own needs: nothing else of ours."""
