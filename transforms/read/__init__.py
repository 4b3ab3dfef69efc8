"""Raw documents from files of many kinds: listing, planning and reading them."""
