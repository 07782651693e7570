"""What is done with kmemleak beyond reading it: the scans that confirm, what is new, what nobody wants to hear of."""
