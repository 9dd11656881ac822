"""The gallery: programs, the derivatives that textbooks state for them, and ours."""
