"""What experiments share: laws that matrices are drawn from, and block formats that the kernels do not have."""
