"""What only a GPU can show of ``claims.kernels``, in one command and one file to send back.

``python -m claims.kernels.gpu`` compares every Triton route with the reference and with the compiled CPU kernels,
measures throughput beside the device's own limits and torch.compile, and audits the claims about kernels with
``--device cuda``. Where there is no GPU it runs the same list at small sizes through Triton's interpreter, measures no
throughput, and says so. ``--read FILE`` checks such a file and shows it. Exit status: 0 if all is as promised, 1 if a
route or a verdict differs, 2 for bad usage, a file that is none, or where Triton is missing.
"""
