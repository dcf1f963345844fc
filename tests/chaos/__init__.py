"""Traffic both ways with faults all the time, and one blow after another at a random moment; nothing may be lost."""
