"""What happens to documents: pure functions, and thin Beam transforms that wire them."""
